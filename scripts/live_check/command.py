"""One call of the script, from the options to the exit status."""

import os
import time

from live_check.consent import begin, check_same
from live_check.options import read_options
from live_check.program import Program, find_program
from live_check.rows import BROKEN
from live_check.run import Run
from live_check.server import Api, configured_url
from live_check.state import State, the_only_one
from live_check.stop import (
    EXIT_AUTH,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STORAGE,
    EXIT_UNFINISHED,
    Stop,
)
from live_check.table import around_table, put_into, table
from live_check.talk import say
from live_check.trials import give_up, go_on, waiting


def main():
    """The whole of it; returns the exit status."""
    options = read_options()
    try:
        if options.update_readme:
            around_table(options.update_readme)  # before anything is sent
        with the_only_one(options.dir):
            return check(options)
    except Stop as stop:
        say(str(stop))
        return stop.status
    except OSError as trouble:
        say(f"{trouble.filename or options.dir}: {trouble.strerror or trouble}")
        return EXIT_STORAGE
    except KeyboardInterrupt:
        say("stopped; the same command goes on")
        return EXIT_INTERRUPTED


def check(options):
    """Moves the run on as far as it goes; whatever stops it, what is known is delivered."""
    state = State(options.dir)
    try:
        if not waiting(state):
            say(f"this run is finished, here is its table; another --dir than {options.dir} begins a new one")
        elif not conduct(state, options):
            say(f"still open: {', '.join(waiting(state))}. A batch may take a day; the same command goes on")
            return EXIT_UNFINISHED
        return status_of(state)
    finally:
        if state:
            deliver(state, options)


def conduct(state, options):
    """Whether the run is at its end now."""
    url = configured_url()
    if not os.environ.get("OPENAI_API_KEY"):
        raise Stop(EXIT_AUTH, "set OPENAI_API_KEY: this is about the real API")
    program = Program(find_program(options.program), options.dir)
    if state:
        check_same(state, options, url)
    else:
        begin(state, options, url, program.version())
    run = Run(Api(url), program, state, options.dir, deadline=time.time() + options.wait)
    if options.give_up:
        give_up(run)
    return go_on(run)


def status_of(state):
    broken = any(verdict == BROKEN for _, verdict in state["rows"].values())
    return EXIT_SOME_FAILED if broken else EXIT_OK


def deliver(state, options):
    text = table(state)
    (options.dir / "table.md").write_text(text)
    print(text, end="")
    if options.update_readme:
        put_into(options.update_readme, text)
        say(f"put the table into {options.update_readme}")
