"""The corpus against the decoder itself; `make bench-hostile` posts it to a real service."""

import warnings
from collections import Counter

from classifier.pictures import BadPicture, open_picture
from tests.classifier.files import blocks, encode
from tests.hostile.corpus import Hostile, corpus

GROUND = [encode(blocks(160, 120, seed), one) for seed in range(2) for one in ("jpeg", "png", "webp", "gif", "tiff")]  # fmt: skip
FILES = 1500


def outcome(one: Hostile) -> str:
    """What the decoder makes of a file: a reason, or "opened". Nothing else may be raised."""
    try:
        with warnings.catch_warnings():
            # a library's word about a damaged file is no failure: it is logged nowhere and read by nobody
            warnings.simplefilter("ignore")
            open_picture(one.data)
    except BadPicture as bad:
        return bad.reason
    return "opened"


def test_a_hostile_file_is_opened_or_refused_and_never_anything_else() -> None:
    told = [(one, outcome(one)) for one in corpus(FILES, 7, GROUND)]
    assert len(told) == FILES
    let_in = Counter(one.kind for one, said in told if one.refused and said == "opened")
    assert not let_in
    kept_out = Counter(one.kind for one, said in told if one.refused is False and said != "opened")
    assert not kept_out
    # all of it would be in vain if the corpus were one sort of rubbish
    assert {"opened", "empty", "not_a_picture", "unsupported_format", "truncated", "animated"} <= {
        said for _, said in told
    }


def test_a_small_corpus_has_every_kind_of_a_large_one() -> None:
    small, large = ({one.kind for one in corpus(count, 1, GROUND)} for count in (300, 5000))
    assert small == large


def test_the_corpus_is_the_same_for_the_same_seed_and_ground() -> None:
    one, same, other = (list(corpus(1200, seed, GROUND)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
