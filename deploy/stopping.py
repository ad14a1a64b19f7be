"""The signals that mean: stop everything."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_signals(action: Callable[..., None] | signal.Handlers) -> None:
    """Let Ctrl-C, a polite kill and a closed terminal do this. What nohup had ignored stays ignored."""
    for number in SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        signal.signal(number, action)


@contextmanager
def deferred() -> Iterator[None]:
    """What comes meanwhile is handled at the end of the block, so that nothing half done is forgotten.

    A blocked signal mask would do the same here, but a program started in the block would inherit it.
    """
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    on_signals(note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
