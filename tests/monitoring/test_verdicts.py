from math import log

import pytest

from monitoring.evidence_rule import Rule
from monitoring.paired import Paired
from monitoring.prefix import Alike, Differ, Outcome, Said
from monitoring.reader_error import Doubles
from monitoring.verdicts import Answers, Judgement, as_json, thresholds
from tests.store.given import NOW, later

RULE = Rule(margin=0.01)
WIN: Outcome = "win"
LOSS: Outcome = "loss"
KNOWN = Doubles(2000, 40)


def paired(
    *outcomes: Outcome | int, doubles: Doubles = KNOWN, classes: int = 3, **changes: object
) -> Paired:
    """Pairs in a row: a number is that many alike, a word one that differs and was settled so."""
    made = Paired(RULE, classes, step=1, doubles=doubles, **changes)  # type: ignore[arg-type]
    for key, one in enumerate(outcomes):
        if isinstance(one, int):
            made.add(Alike(one, 1))
        else:
            made.add(Differ(key, 1, later(hours=72)))
            made.said(key, Said(one, f"class {key % classes}", NOW))
    return made


def judged(*outcomes: Outcome | int, **changes: object) -> Judgement:
    return paired(*outcomes, **changes).look(NOW)  # type: ignore[arg-type]


def test_nothing_seen_is_hold() -> None:
    assert (judged().verdict, judged().because) == ("hold", ("pairs", "evidence"))


def test_enough_that_is_alike_advances() -> None:
    assert judged(350).verdict == "hold"
    assert judged(600).verdict == "advance"


def test_without_doubles_nothing_advances_and_it_is_said_why() -> None:
    judgement = judged(5000, doubles=Doubles())
    assert (judgement.verdict, judgement.because) == ("hold", ("readers", "evidence"))


def test_losses_take_it_back_and_no_advance_outweighs_them() -> None:
    losses: list[Outcome | int] = ["loss"] * 9
    judgement = judged(600, *losses)
    assert judgement.verdict == "revert"
    assert "harm" in judgement.because
    # whatever comes after: it was harmful when one could have looked
    assert judged(*losses, 5000, *[WIN] * 50).verdict == "revert"


def test_one_class_that_is_lost_takes_it_back_though_all_in_all_it_wins() -> None:
    made = Paired(RULE, 3, step=1, doubles=KNOWN)
    for key in range(60):
        lost = key % 4 == 0
        made.add(Differ(key, 1, later(hours=72)))
        made.said(key, Said("loss" if lost else "win", "rare" if lost else "common", NOW))
    judgement = made.look(NOW)
    assert (judgement.verdict, judgement.because) == ("revert", ("class_harm",))
    assert judgement.worst_class == "rare"


@pytest.mark.parametrize("name", ["failed", "slow"])
def test_failures_and_slowness_take_it_back_without_labels(name: str) -> None:
    judgement = judged(20, answers=Answers(100, **{name: 30}))
    assert judgement.verdict == "revert"
    assert judgement.because == ({"failed": "failing", "slow": "slow"}[name],)


def test_with_many_labels_overdue_nothing_is_concluded_from_labels() -> None:
    made = paired(600, *[LOSS] * 9)
    for key in range(100, 102):
        made.add(Differ(key, 1, NOW))
    judgement = made.look(later(seconds=1))
    assert (judgement.verdict, judgement.because[0]) == ("hold", "overdue")


def test_a_new_step_begins_without_evidence_and_with_the_old_harm() -> None:
    made = paired(600, "loss", "loss")
    assert made.look(NOW).verdict == "advance"
    made.step = 2
    judgement = made.look(NOW)
    assert (judgement.verdict, judgement.because) == ("hold", ("pairs", "evidence"))
    assert judgement.evidence["harm"] > 0


def test_after_full_there_is_no_further_advance_and_a_late_fall_is_found() -> None:
    made = paired(600, *[WIN] * 60, full=True)
    assert made.look(NOW).because == ("full",)
    for key in range(1000, 1040):
        made.add(Differ(key, 1, later(hours=72)))
        made.said(key, Said("loss", None, NOW))
    assert made.look(NOW).because == ("after_full",)


def test_the_same_counts_give_the_same_row() -> None:
    one, two = paired(600, "loss", "win", 30), paired(600, "loss", "win", 30)
    first, second = one.look(NOW), two.look(NOW)
    assert as_json(one.seen, first) == as_json(two.seen, second)


def test_the_error_of_a_revert_is_shared_out() -> None:
    assert thresholds(RULE, 7)["class_harm"] == pytest.approx(log(7 / 0.01))
    assert RULE.harm + RULE.class_harm + RULE.failing + RULE.slow <= 0.05


@pytest.mark.parametrize("changes", [{"margin": 0}, {"overdue": 1}, {"minimum_pairs": 0}])
def test_a_rule_that_makes_no_sense_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rule(**changes)  # type: ignore[arg-type]
