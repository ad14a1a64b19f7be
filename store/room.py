"""Whether a disk has room left: told before it is full, since a full one is noticed by whoever writes to it next."""

import shutil
from pathlib import Path

from store.errors import Unavailable

# some pictures, and what SQLite writes beside its file
LEAST_BYTES = 64 * 2**20


def check(folder: Path, whose: str) -> None:
    """Raises Unavailable with code `disk_full` when there is none where `whose` folder lies."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise Unavailable(
            f"The disk of the {whose} is full: {free // 2**20} MiB are left.", "disk_full"
        )
