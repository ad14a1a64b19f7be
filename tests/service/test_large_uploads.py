"""Memory that a large upload took is the system's again when it is done with."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from service.serving import LARGE_BYTES

ROOT = Path(__file__).parents[2]
# says how many bytes the system has lent in pieces of their own while something large is held again that was given back before
HOLDS_AGAIN = """
import ctypes

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                ("arena", "free", "fast", "pieces", "lent", "most", "fastest", "used", "unused", "top")]

{first}
info = ctypes.CDLL(None).mallinfo2
info.restype = Info
for _ in range(3):
    bytes({size})
held = bytes({size})
print(info().lent)
"""


def test_what_is_large_is_the_systems_again() -> None:
    if not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("this machine's C library does not say how much it keeps")
    first = "from service.serving import _give_back_what_is_large; _give_back_what_is_large()"
    size = 4 * LARGE_BYTES
    done = subprocess.run(
        [sys.executable, "-c", HOLDS_AGAIN.format(size=size, first=first)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) >= size
