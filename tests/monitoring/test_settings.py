import os
from pathlib import Path

import pytest

from monitoring.settings import forbid_telemetry, read_settings
from store.errors import Invalid

SECRET = {"URSA_SECRET_KEY": "s" * 32}


def test_one_machine_needs_a_secret_only() -> None:
    settings = read_settings(SECRET)
    assert settings.store.database_url == "sqlite:///data/ursa.db"
    assert (settings.window_predictions, settings.window_minimum) == (200, 50)
    assert (settings.bundle_cache, settings.monitoring_metrics_port) == (Path("data/bundles"), 0)


def test_every_setting_is_read() -> None:
    settings = read_settings(
        SECRET
        | {
            "URSA_BUNDLE_CACHE": "/elsewhere",
            "URSA_WINDOW_PREDICTIONS": "300",
            "URSA_WINDOW_MINIMUM": "30",
            "URSA_WINDOW_WAIT_SECONDS": "60",
            "URSA_MONITORING_POLL_SECONDS": "0.5",
            "URSA_MONITORING_METRICS_HOST": "0.0.0.0",  # noqa: S104  # a container's
            "URSA_MONITORING_METRICS_PORT": "9101",
            "URSA_ROLLOUT_MARGIN": "0.03",
            "URSA_ROLLOUT_MINIMUM_PAIRS": "50",
            "URSA_ROLLOUT_LABEL_HOURS": "24",
        }
    )
    assert (settings.window_predictions, settings.window_minimum) == (300, 30)
    assert (settings.window_wait_seconds, settings.monitoring_poll_seconds) == (60.0, 0.5)
    assert settings.monitoring_metrics_port == 9101
    assert str(settings.bundle_cache) == "/elsewhere"
    rollout = settings.rollout
    assert (rollout.rule.margin, rollout.rule.minimum_pairs, rollout.label_hours) == (0.03, 50, 24)


@pytest.mark.parametrize(
    "wrong",
    [
        {"URSA_WINDOW_PREDICTIONS": "many"},
        {"URSA_WINDOW_PREDICTIONS": "40"},
        {"URSA_WINDOW_PREDICTIONS": "10001"},
        {"URSA_WINDOW_MINIMUM": "1"},
        {"URSA_WINDOW_WAIT_SECONDS": "soon"},
        {"URSA_WINDOW_WAIT_SECONDS": "0"},
        {"URSA_MONITORING_POLL_SECONDS": "-1"},
        {"URSA_MONITORING_POLL_SECONDS": "nan"},
        {"URSA_MONITORING_METRICS_PORT": "70000"},
        {"URSA_ROLLOUT_MARGIN": "0"},
        {"URSA_ROLLOUT_MARGIN": "nan"},
        {"URSA_ROLLOUT_MINIMUM_PAIRS": "0"},
        {"URSA_ROLLOUT_LABEL_HOURS": "0"},
        {"URSA_ROLLOUT_BURST_SECONDS": "-1"},
        {"URSA_ROLLOUT_SETTLE_SECONDS": "soon"},
        {"URSA_ROLLOUT_SLOW_MILLISECONDS": "0"},
        {"URSA_SECRET_KEY": "short"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, str]) -> None:
    (name,) = wrong
    with pytest.raises(Invalid, match=name):
        read_settings(SECRET | wrong)


def test_libraries_are_told_not_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    forbid_telemetry()
    assert os.environ["DO_NOT_TRACK"] == "1"  # noqa: TID251  # what the libraries will see
