"""What processes have in common that work for the one that started them: when they end, who goes first, what they may take."""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# of who answers: less of the processor than the process that takes requests in
NICE = 10
# as sys/prctl.h numbers it
_PR_SET_PDEATHSIG = 1


def begin(descriptor: int) -> None:
    """Work for who holds the other end of this socket: end when that one does, and for no signal that asks for it."""
    # asked of all processes of a group, an end is for the one that answers to bring about
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)
    _quieten()
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()


def say(event: str, **more: str) -> None:
    """One line of the log of who started this process."""
    sys.stderr.write(json.dumps({"event": event, "level": "error", **more}) + "\n")
    sys.stderr.flush()


def _quieten() -> None:
    """Let only this code come out on standard error, and Python's last words: decoders write a line for every odd tag."""
    warnings.simplefilter("ignore")
    sys.stderr = os.fdopen(os.dup(2), "w")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def bound_memory(size: int) -> None:
    """Let this process have `size` bytes more than it has now; the system refuses what is beyond. A limit that is lower stays."""
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [one for one in (before, hard) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([_data() + size, *known]), hard))


def refuses_by_itself() -> bool:
    """Whether the system refuses memory for want of it, too (strict overcommit), and not only by a bound of ours."""
    with suppress(OSError):
        return Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2"
    return True


@contextmanager
def bounded_memory(size: int) -> Iterator[None]:
    """`bound_memory` to the end of the block."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    bound_memory(size)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _data() -> int:
    """Bytes that this process has for data of its own, by the system's count."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()


def end_though_held() -> None:
    """Be killed with the thread that started this process: one that is held sees no hang-up. Where the system knows that."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with(descriptor: int) -> None:
    """End this process when the other end is gone, also in the middle of a picture."""
    gone = select.poll()
    # nothing but a hang-up wakes it; its name is Linux's
    gone.register(descriptor, getattr(select, "POLLRDHUP", select.POLLHUP))
    gone.poll()
    os._exit(0)
