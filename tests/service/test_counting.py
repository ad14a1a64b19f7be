from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from classifier.domain import DomainScore
from service import counting, metrics
from service.counting import Few, Latest
from service.errors import PICTURES
from tests.store.given import prediction

MOST_SERIES = 500


def series() -> list[str]:
    """What one scrape brings."""
    lines = generate_latest(metrics.REGISTRY).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_scrape_stays_below_500_series_whatever_was_sent() -> None:
    domain = DomainScore(1.0, 0.03, 1.0, 0.2, 1.0, 0.04, True, True, ())
    row = prediction("a consumer")
    for number in range(150):
        one = replace(
            row,
            label=f"class {number}",
            segment=f"a consumer's segment {number}",
            inside=bool(number % 2),
        )
        counting.answer(one, number // 10, domain)
        counting.answer(replace(one, inside=not one.inside), number // 10, domain)
        counting.problem(f"code_{number}")
    for path in ("/v1/predictions", "/v1/models", "/review/next", "/livez", "/models", "/x"):
        for status in (0, 200, 303, 404, 429, 500):
            counting.request(path, status, 0.1)
    for reason in PICTURES:
        metrics.BAD_PICTURES.labels(reason)
    assert sum("ursa_class_answers_total" in line for line in series()) == 101
    assert sum("ursa_segment_answers_total" in line for line in series()) >= 2 * 21
    assert len(series()) <= MOST_SERIES
    # a name for which there was no room is counted and not lost
    before = sample("ursa_segment_answers_total", segment="other", flag="flagged")
    counting.answer(replace(row, segment="one more", inside=False), 1, domain)
    assert sample("ursa_segment_answers_total", segment="other", flag="flagged") == before + 1


def test_the_first_names_stay_themselves() -> None:
    few = Few(2)
    assert [few.label(name) for name in "abcab"] == ["a", "b", "other", "a", "b"]


def test_a_name_that_is_waited_for_has_its_place_however_late_it_comes() -> None:
    few = Few(2, ["late"])
    assert [few.label(name) for name in ("a", "b", "late")] == ["a", "other", "late"]


def test_the_versions_that_answered_last_have_series() -> None:
    latest = Latest(2)
    assert [latest.label(name) for name in "1213"] == [
        ("1", None),
        ("2", None),
        ("1", None),
        ("3", "2"),
    ]


def test_a_version_that_answers_no_more_leaves_no_series() -> None:
    row = prediction("a consumer")
    for version in range(900, 910):
        counting.answer(row, version, None)
    kept = [line for line in series() if "ursa_version_answers_total" in line]
    assert not any('version="904"' in line for line in kept)
    assert any('version="909"' in line for line in kept)


@pytest.mark.parametrize(
    ("p", "bound"), [(0.0005, "0.001"), (0.05, "0.05"), (0.051, "0.1"), (1.0, "1.0")]
)
def test_a_p_value_is_counted_where_a_rule_can_take_its_rate(p: float, bound: str) -> None:
    before = sample("ursa_domain_p_value_bucket", score="fused", le=bound)
    counting.answer(
        prediction("a consumer"), 1, DomainScore(1.0, 0.5, 1.0, 0.5, 1.0, p, True, True, ())
    )
    assert sample("ursa_domain_p_value_bucket", score="fused", le=bound) == before + 1
    below = {"0.05": "0.01", "0.1": "0.05", "1.0": "0.5"}.get(bound)
    if below:
        unchanged = sample("ursa_domain_p_value_bucket", score="fused", le=below)
        counting.answer(
            prediction("a consumer"), 1, DomainScore(1.0, 0.5, 1.0, 0.5, 1.0, p, True, True, ())
        )
        assert sample("ursa_domain_p_value_bucket", score="fused", le=below) == unchanged


def test_a_model_that_cannot_judge_the_domain_adds_no_p_values() -> None:
    before = sample("ursa_domain_p_value_count", score="fused")
    counting.answer(
        prediction("a consumer"), 1, DomainScore(1.0, 0.5, 1.0, 0.5, 1.0, 0.5, True, False, ())
    )
    counting.answer(prediction("a consumer", label=None, confidence=None), None, None)
    assert sample("ursa_domain_p_value_count", score="fused") == before
