"""Which lane a question waits in, and which are drawn to be read twice."""

import pytest

from service.asking import question


@pytest.mark.parametrize(
    ("why", "lane", "twice"),
    [
        ({"held": True, "disagreement": True}, "held", False),
        ({"audited": True, "disagreement": True}, "audit", True),
        ({"disagreement": True}, "evidence", True),
        ({"rules": ("low_confidence",)}, "rule", False),
    ],
)
def test_what_is_read_to_learn_something_may_be_drawn_to_be_read_twice(
    why: dict[str, object], lane: str, twice: bool
) -> None:
    causes = {"held": False, "audited": False, "disagreement": False, "rules": (), **why}
    asked = question("a prediction", "a picture", doubled=True, **causes)  # type: ignore[arg-type]
    plain = question("a prediction", "a picture", **causes)  # type: ignore[arg-type]
    assert asked is not None
    assert plain is not None
    assert (asked.lane, asked.doubled, asked.opinions_needed) == (lane, twice, 1 + twice)
    assert (plain.doubled, plain.opinions_needed) == (False, 1)
