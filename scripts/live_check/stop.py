"""What ends a call of this script, and the exit statuses: its own are those of the program."""

EXIT_OK, EXIT_ERROR, EXIT_SOME_FAILED, EXIT_AUTH, EXIT_UNFINISHED, EXIT_BUDGET = 0, 1, 3, 4, 5, 8
EXIT_USAGE, EXIT_STORAGE, EXIT_TEMPORARY, EXIT_CONFIG, EXIT_INTERRUPTED = 64, 74, 75, 78, 130


class Stop(Exception):
    """Nothing more can be done now; says why, and with which status to end."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Refused(Stop):
    """The server said no."""
