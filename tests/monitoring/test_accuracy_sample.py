from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitoring import accuracy, accuracy_sample
from store.audits import AnswerGroup, ReadAnswer
from store.truth import Opinion
from tests.store.given import NOW

GRIZZLY: Opinion = ("class", "grizzly")
TEDDY: Opinion = ("class", "teddy")
NONE: Opinion = ("none_of_these", None)
USELESS: Opinion = ("not_usable", None)
TELL: Opinion = ("cannot_tell", None)


def read(number: int, *said: Opinion, **columns: object) -> ReadAnswer:
    """An audited answer "grizzly"."""
    made = ReadAnswer(
        f"{number:05d}", "v1", None, "grizzly", "answer", 0.1, True, 0.9, "audit", said or (GRIZZLY,),
        NOW + timedelta(seconds=number),
    )  # fmt: skip
    return replace(made, **columns)  # type: ignore[arg-type]  # columns by name


def group(answers: int, **columns: object) -> AnswerGroup:
    """Answers "grizzly", not drawn."""
    made = AnswerGroup("v1", None, "grizzly", "answer", 0.1, False, answers, answers * 900_000)
    return replace(made, **columns)  # type: ignore[arg-type]  # columns by name


@pytest.mark.parametrize(
    ("said", "settled", "waits"),
    [
        ((GRIZZLY,), GRIZZLY, False),
        ((TEDDY,), None, True),
        ((TEDDY, TEDDY), TEDDY, False),
        ((TEDDY, GRIZZLY), None, True),
        ((TEDDY, GRIZZLY, NONE), None, False),
        ((TELL,), None, False),
        ((TELL, TEDDY), None, True),
        ((NONE, NONE), NONE, False),
        ((USELESS,), None, True),
        ((USELESS, USELESS), USELESS, False),
    ],
)
def test_what_is_known_what_waits_and_what_is_missing(
    said: tuple[Opinion, ...], settled: Opinion | None, waits: bool
) -> None:
    one = read(1, *said)
    assert (accuracy_sample.settled(one), accuracy_sample.waits(one)) == (settled, waits)
    assert len(accuracy_sample.sample([one]).right) == (settled is not None or waits)


def test_what_waits_counts_for_what_second_readers_have_found_so_far() -> None:
    waiting = [read(number, TEDDY) for number in range(3)]
    assert accuracy_sample.sample(waiting).right.tolist() == [0, 0, 0]
    cleared = [read(10, TEDDY, GRIZZLY, GRIZZLY), *(read(n, TEDDY, TEDDY) for n in (11, 12, 13))]
    known = accuracy_sample.sample([*waiting, *cleared, read(20)])
    assert known.right.tolist() == [0.25, 0.25, 0.25, 1, 0, 0, 0, 1]
    assert known.waits.tolist() == [True] * 3 + [False] * 5


def test_none_of_these_is_wrong_and_not_usable_is_left_out() -> None:
    drawn = accuracy_sample.sample([read(1), read(2, NONE, NONE), read(3, USELESS, USELESS)])
    assert drawn.right.tolist() == [1, 0, 0]
    assert drawn.usable.tolist() == [True, True, False]
    (stratum,) = accuracy_sample.strata([group(27), group(3, audited=True)], drawn)
    found = accuracy.estimate([stratum])
    assert found is not None
    assert (found.share, found.labels) == (0.5, 2)


RULE = {"decision": "answer_and_review", "audited": False, "lane": "rule"}


def test_a_rules_reviews_carry_no_weight_while_one_is_open() -> None:
    groups = [group(60), group(40, audited=True), group(11, decision="answer_and_review")]
    reads = [read(number) for number in range(40)]
    reads += [read(100 + number, TEDDY, **RULE) for number in range(10)]
    (stratum,) = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
    assert (stratum.answers, len(stratum.right), stratum.right.min()) == (111, 40, 1)


def test_a_queue_that_was_labelled_completely_is_a_stratum_without_error() -> None:
    groups = [group(60), group(40, audited=True), group(10, decision="answer_and_review")]
    reads = [read(number) for number in range(40)]
    reads += [read(100 + number, TEDDY, **RULE) for number in range(10)]
    drawn = accuracy_sample.sample(reads)
    queue, rest = accuracy_sample.strata(groups, drawn)
    assert (queue.answers, queue.rate.tolist(), rest.answers) == (10, [1.0] * 10, 100)
    found = accuracy.estimate([queue, rest])
    assert found is not None
    assert found.share == pytest.approx(100 / 110)
    rows, weights = accuracy_sample.weighted(groups, drawn)
    assert weights.sum() == pytest.approx(110)
    assert weights[rows.asked].tolist() == [1.0] * 10


def test_held_answers_and_those_that_could_not_be_drawn_are_in_no_stratum() -> None:
    groups = [group(60), group(5, decision="hold"), group(30, audit_rate=0.0)]
    (stratum,) = accuracy_sample.strata(groups, accuracy_sample.sample([read(1)]))
    assert stratum.answers == 60


def test_rates_that_differ_much_are_strata_of_their_own_if_they_have_labels_enough() -> None:
    groups = [group(1000, audit_rate=rate, audited=True) for rate in (0.02, 0.03, 0.2)]
    reads = [read(number, audit_rate=0.02 if number < 20 else 0.03) for number in range(40)]
    reads += [read(100 + number, audit_rate=0.2) for number in range(30)]
    low, high = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
    assert (low.answers, len(low.right), high.answers, len(high.right)) == (2000, 40, 1000, 30)
    (both,) = accuracy_sample.strata(groups, accuracy_sample.sample(reads[:60]))
    assert (both.answers, len(both.right)) == (3000, 60)


def test_what_was_drawn_and_is_not_known_is_missing_at_its_own_rate() -> None:
    groups = [group(100), group(12, audited=True), group(6, audited=True, audit_rate=0.15)]
    reads = [read(number) for number in range(10)]
    reads += [read(20, audit_rate=0.15), read(21, TELL)]
    (stratum,) = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
    assert sorted(stratum.missing.tolist()) == [0.1] * 2 + [0.15] * 5


def test_an_answer_counts_once_and_the_audit_goes_first() -> None:
    feedback = read(1, TEDDY, lane="feedback")
    drawn = accuracy_sample.sample([feedback, read(1)])
    assert (len(drawn.right), drawn.right[0], bool(drawn.audited[0])) == (1, 1.0, True)
    only = accuracy_sample.sample([feedback])
    assert not only.audited[0]  # the consumer chose it, the draw's own review is still open
    assert accuracy_sample.strata([group(9, audited=True)], only)[0].missing.size == 9


def test_mean_confidence_is_that_of_all_answers() -> None:
    groups = [group(30), group(10, confidence=10 * 100_000, audited=True)]
    (stratum,) = accuracy_sample.strata(groups, accuracy_sample.sample([read(1)]))
    assert stratum.mean_confidence == pytest.approx((30 * 0.9 + 10 * 0.1) / 40)
    assert np.isfinite(stratum.weights).all()
