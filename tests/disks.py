"""A small disk that is filled, to see what those do that write to it; `small_disk` of the fixtures is one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not one byte more can be written there meanwhile."""
    filler = fill(disk)
    try:
        yield
    finally:
        filler.unlink()


def fill(disk: Path) -> Path:
    """The file that takes all that was left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            # the most of it at once
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free)
        file.seek(0, os.SEEK_END)
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
    return filler
