from pathlib import Path

import pytest

from classifier.policy import Decision, Policy, PolicyError, parse_policy

DEFAULT = Path(__file__).parents[2] / "policy.toml"
GOOD = "answer_at = 0.3\nreview_below = 0.6\nhold_below = 0.2\nreview_out_of_domain = true\n"


@pytest.mark.parametrize(
    ("confidence", "inside", "expected"),
    [
        (0.95, True, Decision("answer", ())),
        (0.6, True, Decision("answer", ())),
        (0.59, True, Decision("answer_and_review", ("low_confidence",))),
        (0.95, False, Decision("answer_and_review", ("domain",))),
        (0.5, False, Decision("answer_and_review", ("low_confidence", "domain"))),
        (0.25, True, Decision("answer_and_review", ("low_confidence",))),
        (0.25, False, Decision("hold", ("domain",))),
        (0.19, True, Decision("hold", ("low_confidence",))),
        (0.19, False, Decision("hold", ("low_confidence", "domain"))),
    ],
)
def test_each_corner_is_decided_as_written(
    confidence: float, inside: bool, expected: Decision
) -> None:
    assert parse_policy(GOOD).decide(confidence, inside) == expected


def test_the_policy_that_comes_with_ursa_answers_everything() -> None:
    policy = parse_policy(DEFAULT.read_text())
    assert policy.decide(0.0, inside=False).kind == "answer_and_review"
    assert policy.decide(0.59, inside=True).kind == "answer_and_review"
    assert policy.decide(0.61, inside=True).kind == "answer"
    assert policy.decide(0.99, inside=False).reasons == ("domain",)


def test_review_outside_the_domain_can_be_switched_off() -> None:
    policy = Policy(answer_at=0, review_below=0.6, hold_below=0, review_out_of_domain=False)
    assert policy.decide(0.9, inside=False) == Decision("answer", ())


def test_the_digest_is_of_the_text_and_the_text_is_kept() -> None:
    policy = parse_policy(GOOD)
    assert policy.text == GOOD
    assert len(policy.digest) == 64
    assert parse_policy("# another thought\n" + GOOD).digest != policy.digest


def test_a_policy_made_in_code_writes_itself() -> None:
    policy = Policy(answer_at=0.3, review_below=0.6, hold_below=0.2, review_out_of_domain=True)
    assert parse_policy(policy.text) == policy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks answer_at, hold_below, review_below, review_out_of_domain"),
        (GOOD + "review_bellow = 0.5\n", "does not know review_bellow"),
        (GOOD + "text = 'x'\n", "does not know text"),
        (GOOD.replace("0.6", "0,6"), "not TOML"),
        (GOOD.replace("0.6", "'0.6'"), "review_below must be a number"),
        (GOOD.replace("0.6", "true"), "review_below must be a number"),
        (GOOD.replace("0.6", "1.2"), "review_below must be between 0 and 1"),
        (GOOD.replace("0.6", "-0.1"), "review_below must be between 0 and 1"),
        (GOOD.replace("0.6", "nan"), "review_below must be between 0 and 1"),
        (GOOD.replace("0.6", "inf"), "review_below must be between 0 and 1"),
        (GOOD.replace("0.6", "0.1"), "review_below must not be less than hold_below"),
        (GOOD.replace("true", "1"), "review_out_of_domain must be true or false"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse_policy(text)
