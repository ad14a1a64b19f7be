import hashlib
from collections import Counter
from math import sqrt

from retrain.splitting import SHARES, place

MANY = 20_000


def groups() -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(MANY)]


def test_each_share_is_as_large_as_it_says() -> None:
    counts = Counter(map(place, groups()))
    for name, share in SHARES:
        assert abs(counts[name] / MANY - share) <= 4 * sqrt(share * (1 - share) / MANY)


def test_a_place_depends_on_the_group_alone_and_stays() -> None:
    # written down: another rule would move pictures that models have seen into the golden set
    assert [place(one) for one in groups()[:8]] == FIRST
    assert sum(share for _, share in SHARES) == 1


FIRST = ["valid", "train", "calibration", "train", "train", "golden", "golden", "calibration"]
