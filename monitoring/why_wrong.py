"""What drives an alarm of accuracy: the answers that people found wrong, what they were taken for, what they share. Pure.

The wrong ones are ranked as the pictures of any other alarm are (`why`): first what is strange in the way in which
they are strange together. The mix-up that is named is the most frequent one. The segment is the one that has far more
of the wrong answers than of all that were read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring import leanings, why
from monitoring.columns import Floats
from monitoring.why import Judged

# what people said where it is no class
NO_CLASS = "none of the classes"


@dataclass(frozen=True)
class Read:
    """A settled answer of the audit; `truth` is None where people said that it is none of the classes."""

    prediction_id: str
    segment: str
    answer: str
    truth: str | None

    @property
    def wrong(self) -> bool:
        """Whether people said something else."""
        return self.truth != self.answer

    @property
    def mixed_up(self) -> tuple[str, str]:
        """What was answered, and what people said."""
        return self.answer, self.truth or NO_CLASS


def explain(
    reads: Sequence[Read], pictures: Mapping[str, Judged], reference: Mapping[str, Floats]
) -> dict[str, Any]:
    """As `why.explain`, each picture with `answer` and `truth`.

    `pictures`: those of the wrong answers that are left, by prediction id.
    """
    wrong = [one for one in reads if one.wrong]
    left = [pictures[one.prediction_id] for one in wrong if one.prediction_id in pictures]
    if not left:
        return {"pictures": [], "sentence": "The wrong answers behind this alarm are gone."}
    told = why.explain(left, reference)
    said = {one.prediction_id: one.mixed_up for one in wrong}
    for one in told["pictures"]:
        one["answer"], one["truth"] = said[one["prediction_id"]]
    found = why.segment([one.segment for one in wrong], [one.segment for one in reads])
    sentence = _sentence(wrong, len(reads))
    if told["property"] is not None:
        sentence += f" {leanings.sentence(told['property'], len(told['pictures']), None)}"
    if found is not None:
        sentence += (
            f" {found['pictures']} of the wrong ones come from {found['name'] or 'no segment'},"
            f" which sent {found['expected_share']:.0%} of those that people read."
        )
    return {**told, "segment": found, "sentence": sentence}


def _sentence(wrong: Sequence[Read], of: int) -> str:
    counted = Counter(one.mixed_up for one in wrong)
    (answer, truth), times = min(counted.items(), key=lambda one: (-one[1], one[0]))
    return (
        f"{len(wrong)} of {of} answers that people read are wrong; {times} of them were answered"
        f" {answer}, and people said {truth}."
    )
