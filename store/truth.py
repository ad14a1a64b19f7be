"""What the opinions about one picture settle on: the plain majority of people, and nobody else has a vote.

Pure: no rows, no clock. The queue settles its reviews by it (`store.labels`), and monitoring finds by it what was
known of an audited answer at any moment, from labels alone.
"""

from collections import Counter
from collections.abc import Sequence

MOST_OPINIONS = 3  # a third reader breaks a tie; what three see differently stays "cannot tell"

# kind of answer, and the class where it is one
Opinion = tuple[str, str | None]

CANNOT_TELL: Opinion = ("cannot_tell", None)


def settle(opinions: Sequence[Opinion], needed: int, most: int = MOST_OPINIONS) -> Opinion | None:
    """The truth; None while it is open: with fewer than `needed` opinions, or undecided with fewer than `most`."""
    if len(opinions) < max(needed, 1):
        return None
    said, votes = Counter(opinions).most_common(1)[0]
    if votes * 2 > len(opinions) and said != CANNOT_TELL:
        return said
    return None if len(opinions) < most else CANNOT_TELL


def wants_second_read(opinions: Sequence[Opinion], answer: str | None) -> bool:
    """Whether somebody said something else of an audited picture than what was answered.

    Reviewers err too, and where most answers are right most of what differs from them is a reviewer's error: one
    reading of those makes a model look worse by almost the error rate of its reviewers. `answer` is the class.
    """
    return any(one != CANNOT_TELL and one[1] != answer for one in opinions)


def of_audit(opinions: Sequence[Opinion], answer: str | None) -> Opinion | None:
    """The truth of an audited answer, from blind opinions oldest first; None while it is open.

    One opinion that agrees with the answer settles it; one that differs is read a second time, a split a third.
    """
    return settle(opinions, 2 if wants_second_read(opinions, answer) else 1)
