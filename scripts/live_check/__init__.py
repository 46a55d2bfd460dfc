"""Tries on the real API what cannot be verified without one, and prints what was seen as a table.

With OPENAI_API_KEY, some 70 tiny requests go out in ten batches, to OPENAI_BASE_URL or else OpenAI. It says what that
costs at most, a few cents, and asks first. Batches may take up to a day: what is known is kept in a directory, and
running it again goes on. In the end everything it uploaded is deleted.

In: a key, a server, the program as it was built. Out: a Markdown table on stdout and in DIR/table.md, progress on
stderr. Never: sentences of the server's in the table (they may name the account), the key in a file, batches or files
of others.

Where to look, each module taking from those below it only:

    command             one call, from the options to the exit status
    options, consent    what was asked for, and whether it may begin
    table               what was seen, as Markdown
    trials              the order of the trials; they are in trials_*, by subject
    jobs, listings      jobs of the program, and the API's listings, as several trials need them
    reading             what batches and their files say
    run                 what every trial works with
    proxy, program      the way between program and API; the program
    server, state       the API; what is remembered
    rows, costs         the rows of the table; what is sent costs at most that
    inputs              what is sent
    stop, talk          what ends a call; words on the terminal
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]  # of the repository
