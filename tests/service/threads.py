"""A machine that has no thread left."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def none_left(patch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Within the block no thread of this name can start."""
    begin = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == name:
            raise RuntimeError("can't start new thread")
        begin(self)

    with patch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        yield
