from io import BytesIO

import numpy as np
from PIL import Image

from classifier.pictures import open_picture
from retrain.duplicates import BITS_APART, fingerprint, same_pictures
from retrain.samples import CLASSES, draw


def drawn(class_name: str, seed: int) -> Image.Image:
    return draw(class_name, seed, size=160)


def hashed(image: Image.Image, format: str = "jpeg", **how: int) -> str:
    file = BytesIO()
    image.save(file, format, **how)
    return fingerprint(open_picture(file.getvalue()))


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_the_same_picture_stays_itself_through_another_file() -> None:
    for seed in range(6):
        image = drawn(CLASSES[seed % len(CLASSES)], seed)
        before = hashed(image, quality=92)
        assert len(before) == 64
        assert apart(before, hashed(image.resize((90, 90)), quality=90)) <= BITS_APART
        assert apart(before, hashed(image, quality=35)) <= BITS_APART
        assert apart(before, hashed(image, "webp", quality=50)) <= BITS_APART


def test_different_drawings_are_different_pictures() -> None:
    hashes = {f"{name} {seed}": hashed(drawn(name, seed)) for name in CLASSES for seed in range(8)}
    assert same_pictures(hashes) == []


def test_chains_of_near_pictures_are_one_set() -> None:
    step = BITS_APART
    bits = np.zeros(256, dtype=int)
    hashes = {}
    for number in range(3):
        bits[: number * step] = 1
        hashes[f"picture {number}"] = f"{int(''.join(map(str, bits)), 2):064x}"
    hashes["another"] = "f" * 64
    assert same_pictures(hashes) == [["picture 0", "picture 1", "picture 2"]]
    assert same_pictures(hashes, among=["picture 2"]) == [["picture 1", "picture 2"]]
    assert same_pictures(hashes, among=["another"]) == []
    assert same_pictures({}) == []


def test_one_bit_more_is_another_picture() -> None:
    near = f"{(1 << BITS_APART) - 1:064x}"
    far = f"{(1 << (BITS_APART + 1)) - 1:064x}"
    none = "0" * 64
    assert same_pictures({"a": none, "b": near}) == [["a", "b"]]
    assert same_pictures({"a": none, "c": far}) == []


def test_thousands_are_compared_at_once() -> None:
    rng = np.random.default_rng(1)
    hashes = {f"{number:05}": rng.bytes(32).hex() for number in range(3000)}
    hashes["twin"] = hashes["01234"]
    assert same_pictures(hashes) == [["01234", "twin"]]
