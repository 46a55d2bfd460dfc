"""Whether a run may begin, or go on as it began."""

from live_check.costs import MOST_USD, sent, worst_case_usd
from live_check.state import fresh_state
from live_check.stop import EXIT_BUDGET, EXIT_CONFIG, EXIT_USAGE, Stop
from live_check.talk import agreed, can_ask, say


def begin(state, options, base_url, version):
    """Asks before the first call; a run that goes on was asked for when it began."""
    if options.give_up:
        raise Stop(EXIT_USAGE, f"there is no run in {options.dir}")
    fresh = fresh_state(options, base_url)
    usd = tell_costs(fresh["model"], base_url)
    if usd >= MOST_USD:
        raise Stop(EXIT_BUDGET, f"that is not under ${MOST_USD:.2f}: name a cheaper --model")
    if not options.yes:
        ask()
    state.update(fresh, version=version, worst_case_usd=round(usd, 6))
    state.save()


def tell_costs(model, base_url):
    usd = worst_case_usd(model)
    requests, batches = sent(model)
    say(f"{requests} requests in {batches} batches of {model} to {base_url}")
    say(f"at most ${usd:.3f}: every request run twice, all of its output used, at the price of real time")
    return usd


def ask():
    if not can_ask():
        raise Stop(EXIT_USAGE, "spending needs consent: --yes, or a terminal to ask on")
    if not agreed("go on?"):
        raise Stop(EXIT_USAGE, "nothing was sent")


def check_same(state, options, base_url):
    """A run goes on as it began."""
    another = f"; --dir names another directory than {options.dir} for another run"
    if state["base_url"] != base_url:
        raise Stop(EXIT_CONFIG, f"the run that began here asks {state['base_url']}, not {base_url}{another}")
    for option in ("model", "grace"):
        given = getattr(options, option)
        if given and given != state[option]:
            raise Stop(EXIT_USAGE, f"the run that began here has --{option} {state[option]}, not {given}{another}")
