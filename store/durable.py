"""Files and folders that survive a power cut: synced themselves, and so is the folder that names them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workplace(folder: Path, prefix: str) -> Iterator[Path]:
    """A folder inside `folder` for what is not finished; what a killed predecessor left in its own is gone."""
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix) as name:
        yield Path(name)


def put_in_place(made: Path, place: Path) -> None:
    """Put a finished file in its place, on the same disk: it is there whole or not at all, whatever happens."""
    sync(made)
    sync(made.parent)
    made.replace(place)
    sync(place.parent)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it that are missing; `mode` is the folder's own, where it is new."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    for one in made:
        sync(one.parent)


def sync(path: Path) -> None:
    """Return when the file, or the names in the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
