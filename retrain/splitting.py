"""Which share of the data a picture belongs to: by a hash of its duplicate group, so that it stays as data grow.

All pictures of a group go the same way, and a picture that comes later moves no other one.
"""

import hashlib
from typing import Literal

Place = Literal["golden", "train", "valid", "calibration"]

# golden pictures never train; valid and calibration pictures are looked at, but never learned from
SHARES: tuple[tuple[Place, float], ...] = (
    ("golden", 0.15),
    ("valid", 0.10),
    ("calibration", 0.15),
    ("train", 0.60),
)


def place(group_id: str) -> Place:
    """The share that a group of pictures belongs to."""
    digest = hashlib.sha256(f"ursa split 1|{group_id}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / 2**64
    for name, share in SHARES:
        drawn -= share
        if drawn < 0:
            return name
    return "train"
