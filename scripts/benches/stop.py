"""What ends a call of this script, and the exit statuses: those of the program."""

EXIT_OK, EXIT_ERROR, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_STORAGE, EXIT_INTERRUPTED = 0, 1, 3, 64, 74, 130


class Stop(Exception):
    """Nothing more can be done; says why, and with which status to end."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
