"""`make run`: everything that Ursa needs on one machine, set up if it is not there, and started.

Order: refuse what cannot work; the secrets; the migrations; sample pictures and a first model if there is no model;
the sign-in and the key; the three programs. What is there already is left as it is. Ctrl-C (or SIGTERM) at any
moment ends all of it with exit code 0; a refusal is one sentence and exit code 1.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from deploy.checks import Refused
from deploy.stopping import on_signals


class _Stop(BaseException):
    """Somebody asked for the end while something is being set up."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 after a stop that was asked for, 1 after a refusal or a failure."""
    on_signals(_stop)
    try:
        options = build_parser().parse_args(arguments)
        # loaded this late so that Ctrl-C meanwhile is heard by what stands around it
        from deploy.starting import start

        start(options.data.absolute(), options.port, options.per_class)
        print("Ursa has stopped.", flush=True)
    except _Stop:
        print("\nUrsa has stopped.", flush=True)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # whoever read along has gone; what Python flushes at its end must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The flags that the Makefile passes on."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--port", default="8000", help="of the service; the next two are for metrics"
    )
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--per-class", type=int, default=150, help="sample pictures of each class")
    return parser


def _stop(*_: object) -> None:
    # the second Ctrl-C of an impatient hand must not interrupt what the first one ends in order
    on_signals(signal.SIG_IGN)
    raise _Stop


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    sys.exit(main())
