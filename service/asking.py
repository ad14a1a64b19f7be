"""Which question to people a prediction leads to: one review with all its reasons, in the lane that is first.

Order of lanes: a consumer waits (held), the uniform sample (audit), two models differ (evidence), a rule of the
policy (rule). Nothing here has seen the picture.
"""

from collections.abc import Sequence

from store.prediction_log import NewShadow
from store.reviews import BLIND, NewReview


def differs(label: str | None, shadows: Sequence[NewShadow]) -> bool:
    """Whether a model that ran alongside said something else than the one that answered."""
    return label is not None and any(one.error is None and one.label != label for one in shadows)


def question(
    prediction_id: str,
    picture_digest: str,
    *,
    held: bool,
    audited: bool,
    disagreement: bool,
    rules: Sequence[str],
    doubled: bool = False,
) -> NewReview | None:
    """The review to open; None when there is nothing to ask. `rules` are the policy's reasons.

    `doubled`: drawn to be read by two people, where a lane is read to learn something.
    """
    lanes = {"held": held, "audit": audited, "evidence": disagreement, "rule": bool(rules)}
    lane = next((name for name, wanted in lanes.items() if wanted), None)
    if lane is None:
        return None
    causes = {"held": held, "audit": audited, "disagreement": disagreement}
    reasons = (*(name for name, there in causes.items() if there), *rules)
    twice = doubled and lane in BLIND
    return NewReview(prediction_id, picture_digest, lane, reasons, 2 if twice else 1, doubled=twice)
