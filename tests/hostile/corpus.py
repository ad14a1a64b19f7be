"""Files that no honest consumer sends: a corpus of any size, the same for the same seed and ground.

Order: the first of every kind; then all others, with as many mutations of the ground in between; then mutations until there
are enough. Nothing here is a known exploit of a library; it is what a decoder, a multipart parser and a browser stumble over.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat

import numpy as np

from tests.hostile import bombs, cuts, disguises, fields, mutations, oddities, texts, tiffs


@dataclass(frozen=True)
class Hostile:
    """One file as it is sent. `refused`: True when it must be, False when it must not, None when either is right."""

    kind: str
    name: str
    media_type: str
    data: bytes
    refused: bool | None = None


Made = tuple[str, bytes, bool | None]

# what an attacker writes beside a file: the server must believe none of it
NAMES = (
    "picture.jpg", "picture.png", "picture.svg", "picture.html", "../../etc/passwd", "a\\..\\b.exe",
    "picture.jpg.php", "%00.png", "'; DROP TABLE predictions; --.png", "<script>alert(1)</script>.gif", "", "x" * 300, "a\r\nX-Smuggled: 1",
)  # fmt: skip
MEDIA_TYPES = (
    "image/jpeg", "image/png", "image/svg+xml", "text/html", "application/octet-stream", "image/gif", "no/such", "",
)  # fmt: skip


def corpus(count: int, seed: int, ground: Sequence[bytes]) -> Iterator[Hostile]:
    """`count` files, mutations of the pictures `ground` (files) among them."""
    rng = np.random.default_rng(seed)
    every: Sequence[Callable[[], Iterator[Made]]] = (
        bombs.files,
        tiffs.files,
        texts.files,
        lambda: chain.from_iterable(cuts.files(one) for one in ground[:12]),
        disguises.files,
        fields.files,
        oddities.files,
    )
    fixed = list(chain.from_iterable(one() for one in every))
    mutated = chain.from_iterable(mutations.files(ground, rng) for _ in repeat(None))
    # the last to be put there is the first of its kind
    first = {made[0]: number for number, made in reversed(list(enumerate(fixed)))}
    firsts = set(first.values())
    others = (made for number, made in enumerate(fixed) if number not in firsts)
    between = chain.from_iterable(zip(others, mutated, strict=False))
    order = chain((fixed[one] for one in sorted(firsts)), between, mutated)
    for number, (kind, data, refused) in enumerate(islice(order, count)):
        yield Hostile(
            kind,
            NAMES[number % len(NAMES)],
            MEDIA_TYPES[(number // len(NAMES)) % len(MEDIA_TYPES)],
            data,
            refused,
        )
