"""What processes have in common that work for the one that started them: when they end, and who goes first."""

import ctypes
import os
import select
import signal
import threading
from contextlib import suppress

# of who answers: less of the processor than the process that takes requests in
NICE = 10
# as sys/prctl.h numbers it
_PR_SET_PDEATHSIG = 1


def begin(descriptor: int) -> None:
    """Work for who holds the other end of this socket: end when that one does, and for no signal that asks for it."""
    # asked of all processes of a group, an end is for the one that answers to bring about
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()


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
