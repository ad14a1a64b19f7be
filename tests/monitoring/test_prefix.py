from datetime import datetime

from monitoring.prefix import Alike, Differ, Lost, Outcome, Prefix, Said
from tests.store.given import NOW, later

DEADLINE = later(hours=72)


def differ(key: int, step: int | None = 1) -> Differ:
    return Differ(key, step, DEADLINE)


def said(outcome: Outcome, at: datetime = NOW, truth: str | None = "bear") -> Said:
    return Said(outcome, truth, at)


def test_nothing_behind_an_open_disagreement_counts() -> None:
    prefix = Prefix()
    for pair in (Alike(10, 1), differ(1), Alike(500, 1), differ(2)):
        prefix.add(pair)
    prefix.said(2, said("win"))
    assert prefix.advance(NOW) == differ(1)
    assert (prefix.counts.pairs, prefix.counts.wins, prefix.waiting) == (10, 0, 2)
    prefix.said(1, said("loss"))
    assert prefix.advance(NOW) is None
    assert (prefix.counts.pairs, prefix.counts.wins, prefix.counts.losses) == (512, 1, 1)


def test_a_label_of_the_future_is_not_there_yet() -> None:
    prefix = Prefix()
    prefix.add(differ(1))
    prefix.said(1, said("win", later(hours=2)))
    assert prefix.advance(later(hours=1)) is not None
    assert prefix.advance(later(hours=2)) is None


def test_overdue_is_a_loss_for_not_worse_and_nothing_for_harm_for_good() -> None:
    prefix = Prefix()
    prefix.add(differ(1))
    assert prefix.advance(DEADLINE) is not None  # the deadline's own moment is still in time
    assert prefix.advance(later(hours=73)) is None
    prefix.said(1, said("win", later(hours=73)))
    prefix.advance(later(hours=80))
    counts = prefix.counts
    assert (counts.overdue, counts.wins, counts.losses, counts.harm) == (1, 0, 0, 0.0)
    assert (counts.steps[1].losses, counts.steps[1].overdue) == (1, 1)


def test_who_counts_later_counts_the_same() -> None:
    # the label came after the deadline: whoever looks only then must not count it either
    prefix = Prefix()
    prefix.add(differ(1))
    prefix.said(1, said("win", later(hours=73)))
    prefix.advance(later(hours=80))
    assert (prefix.counts.overdue, prefix.counts.wins) == (1, 0)


def test_the_first_label_counts() -> None:
    prefix = Prefix()
    prefix.add(differ(1))
    prefix.said(1, said("win"))
    prefix.said(1, said("loss"))
    prefix.advance(NOW)
    assert (prefix.counts.wins, prefix.counts.losses) == (1, 0)


def test_a_failure_of_the_candidate_is_a_loss_for_not_worse_alone() -> None:
    prefix = Prefix()
    prefix.add(Lost(3, 1))
    prefix.advance(NOW)
    assert (prefix.counts.steps[1].losses, prefix.counts.losses) == (3, 0)


def test_pairs_outside_the_step_count_for_harm_alone() -> None:
    prefix = Prefix()
    for pair in (Alike(9, None), differ(1, None)):
        prefix.add(pair)
    prefix.said(1, said("loss"))
    prefix.advance(NOW)
    assert (prefix.counts.pairs, prefix.counts.losses) == (10, 1)
    assert prefix.counts.steps == {}


def test_classes_are_those_that_people_said() -> None:
    prefix = Prefix()
    for key, truth in enumerate(("bear", "bear", None)):
        prefix.add(differ(key))
        prefix.said(key, said("loss", truth=truth))
    prefix.advance(NOW)
    assert prefix.counts.losses == 3
    assert dict(prefix.counts.class_losses) == {"bear": 2}
