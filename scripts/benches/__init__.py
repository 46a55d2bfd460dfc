"""Measures the program, and what is used in its place, and prints medians as tables, with the limits that must hold.

All runs on this machine, against servers on 127.0.0.1, and on data made from a seed, or texts from packages. Load by
others distorts times: what is compared runs in turn, so ratios hold where figures do not.

In: the sources, built as release. Out: Markdown on stdout, the same with every single run as JSON on request, progress
on stderr. Never: a key, a call to another machine but for the packages that are installed.

Where to look, each module taking from those below it only:

    command                         one call, from the options to the exit status
    plane, realtime, tokens         the benches of those names: their tables
    journal, start, transfer        three more
    realtime_speed, realtime_rates  requests in flight; rates of an account
    plane_tenfold                   ten times the items
    plane_requests, plane_results, plane_vectors, plane_job
                                    from input to requests; from outputs to results; the same of vectors; all of it
    plane_steps                     a command, in turn with its limit and its peers
    answers                         what the server answers, made from a seed
    data, texts                     items made from a seed; what tokens are counted of
    options                         what was asked for
    build, machine                  what is measured, and where
    clients                         what sends requests
    servers                         what answers them
    process                         a command, and what it cost
    figures, steady                 figures with their limits; the time in which a client is at speed
    stop, talk                      what ends a call; words on the terminal
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]  # of the repository
