"""The trials in their order. Each returns whether it is done; what is not is asked again, also by another call of this
script."""

import time

from live_check.stop import EXIT_AUTH, Stop
from live_check.talk import say
from live_check.trials_adoption import adopted_answers, adoption
from live_check.trials_answers import answers
from live_check.trials_batches import created_twice, mixed
from live_check.trials_cancel import cancelled_again, cancelling
from live_check.trials_cleanup import clean, stop_batches
from live_check.trials_errors import bad_ends, bad_files, refusals
from live_check.trials_files import files

TRIALS = {
    "files": files,
    "mixed": mixed,
    "refusals": refusals,
    "bad files": bad_files,
    "created twice": created_twice,
    "adoption": adoption,
    "cancelling": cancelling,
    "bad ends": bad_ends,
    "answers": answers,
    "adopted answers": adopted_answers,
    "cancelled again": cancelled_again,
    "clean": clean,
}
# What must be done before a trial makes sense.
AFTER = {
    "mixed": {"files"},
    "cancelling": {"files", "mixed", "created twice", "adoption"},  # all that waits: it must be seen running
    "bad ends": {"bad files", "created twice"},
    "answers": {"mixed"},
    "adopted answers": {"adoption"},
    "cancelled again": {"cancelling", "answers"},
    "clean": set(TRIALS) - {"clean"},
}
MOST_TROUBLES = 3  # of one trial; then the others go on without it, until this script is called again
SHORTEST_PAUSE, LONGEST_PAUSE, PAUSE_TO_CANCEL = 0.2, 15, 2  # seconds; the last while it must be seen running


def waiting(state):
    """The trials that are not done, or all before a run begins."""
    return [name for name in TRIALS if name not in state.get("done", [])]


def go_on(run):
    """Does what can be done until all is done (True), or the time is over, or nothing else can be done."""
    pause, troubles = SHORTEST_PAUSE, dict.fromkeys(TRIALS, 0)
    while waiting(run.state):
        if run.left() == 0 or not any(is_due(name, run, troubles) for name in TRIALS):
            return False
        if take_all(run, troubles):
            pause = SHORTEST_PAUSE
            continue
        time.sleep(min(pause, run.left()))
        pause = min(pause * 1.5, PAUSE_TO_CANCEL if is_due("cancelling", run, troubles) else LONGEST_PAUSE)
    return True


def is_due(name, run, troubles):
    done = run.state["done"]
    return name not in done and AFTER.get(name, set()) <= set(done) and troubles[name] < MOST_TROUBLES


def take_all(run, troubles):
    """Every trial that is due, once; whether any of them is done now."""
    due = (name for name in TRIALS if run.left() > 0 and is_due(name, run, troubles))
    done = [name for name in due if take(run, name, troubles)]
    return bool(done)


def take(run, name, troubles):
    """One trial. What stops it is said, and stops the others only where they would meet it as well."""
    try:
        if not TRIALS[name](run):
            return False
    except Stop as stop:
        if stop.status == EXIT_AUTH:
            raise
        trouble = str(stop)
    except (KeyError, TypeError, ValueError) as surprise:
        trouble = f"an answer has another shape than the guide says: {surprise!r}"
    else:
        run.state["done"].append(name)
        run.state.save()
        return True
    troubles[name] += 1
    say(f"{name}: {trouble}")
    return False


def give_up(run):
    """Stops what still runs, so that all that is left is to clean."""
    stop_batches(run)
    run.state["done"] = [name for name in TRIALS if name != "clean"]
    run.state.save()
