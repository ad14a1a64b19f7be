"""What the disk and the machine take without us: printed beside the figures of a benchmark, and kept in its JSON object."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from tests.benchmarks.sending import open_loop

ALIVE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def floors(folder: Path, port: int | None = None, *, seconds: float = 5.0) -> dict[str, float]:
    """Milliseconds: a write of 4 KiB that reaches the disk of `folder`, the SHA-256 of 4 MiB on a core, and, where a
    service listens on `port`, `/livez` a hundred times a second for so many `seconds`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = _of("fdatasync", _disk(folder / "floor")) | _of("sha256_4mib", _core())
    if port is not None:
        alive = open_loop(port, [ALIVE], 100, seconds, seed=0)
        found |= _of("livez", alive.of(200))
    told = ", ".join(
        f"{name.removesuffix('_ms').replace('_', ' ')} {ms:g}" for name, ms in found.items()
    )
    print(f"floors in ms: {told}; load {os.getloadavg()[0]:.1f}", flush=True)
    return found


def _disk(probe: Path, times: int = 300) -> list[float]:
    took = []
    with probe.open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4096))
            began = perf_counter()
            os.fdatasync(file.fileno())
            took.append(perf_counter() - began)
    probe.unlink()
    return took


def _core(times: int = 100) -> list[float]:
    data, took = bytes(2**22), []
    for _ in range(times):
        began = perf_counter()
        hashlib.sha256(data).digest()
        took.append(perf_counter() - began)
    return took


def _of(name: str, took: Sequence[float]) -> dict[str, float]:
    p50, p99 = 1000 * np.quantile(took, (0.5, 0.99))
    return {f"{name}_p50_ms": round(float(p50), 2), f"{name}_p99_ms": round(float(p99), 2)}
