"""Real pictures with something done to them, at random and repeatable."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

INTERESTING = np.array([0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF], dtype=np.uint8)
HEAD = 600

Rng = np.random.Generator


def files(ground: Sequence[bytes], rng: Rng) -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, None) without end for one pass over the ground; either outcome may be right."""
    for place in rng.permutation(len(ground)):
        kind = list(CHANGES)[int(rng.integers(len(CHANGES)))]
        other = ground[int(rng.integers(len(ground)))]
        yield kind, CHANGES[kind](ground[int(place)], other, rng), None


def _flip(data: bytes, _: bytes, rng: Rng) -> bytes:
    changed = np.frombuffer(data, np.uint8).copy()
    for at in rng.integers(len(changed), size=int(rng.integers(1, 30))):
        changed[at] ^= np.uint8(1 << int(rng.integers(8)))
    return changed.tobytes()


def _head(data: bytes, _: bytes, rng: Rng) -> bytes:
    changed = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(min(HEAD, len(changed)), size=int(rng.integers(1, 8)))
    changed[places] = rng.choice(INTERESTING, len(places))
    return changed.tobytes()


def _cut(data: bytes, _: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(len(data)))]


def _hole(data: bytes, _: bytes, rng: Rng) -> bytes:
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 2000))
    return data[:at] + data[at + length :]


def _again(data: bytes, _: bytes, rng: Rng) -> bytes:
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 5000))
    return data[:at] + data[at : at + length] * int(rng.integers(2, 6)) + data[at:]


def _splice(data: bytes, other: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(len(data)))] + other[int(rng.integers(len(other))) :]


def _zeros(data: bytes, _: bytes, rng: Rng) -> bytes:
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 3000))
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


CHANGES: dict[str, Callable[[bytes, bytes, Rng], bytes]] = {
    "bits flipped": _flip,
    "bytes of the head changed": _head,
    "cut anywhere": _cut,
    "a hole": _hole,
    "a part again": _again,
    "two pictures spliced": _splice,
    "a part zeroed": _zeros,
}
