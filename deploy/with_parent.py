"""`with_parent.py PARENT COMMAND ...`: become the command, and be asked to end when the process PARENT dies.

A launcher that is killed (kill -9, out of memory) can end nobody any more; on Linux the kernel then sends its
programs SIGTERM. It is kept when this process becomes the command. Elsewhere the command just runs.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(arguments: list[str]) -> None:
    """Does not return. Exits with one sentence when the command cannot be run."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("Whoever started this has gone already.")  # before the kernel was asked
    try:
        os.execvp(command[0], command)  # noqa: S606  # a shell would be one process more between the two
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}.")


if __name__ == "__main__":
    main(sys.argv[1:])
