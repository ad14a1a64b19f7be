"""What the monitoring program must know. Read once at the start and passed in; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitoring.rollout_settings import RolloutSettings, read_rollout_settings
from store.errors import Invalid
from store.settings import StoreSettings, number, of_this_machine, read_store_settings, whole


@dataclass(frozen=True)
class MonitoringSettings:
    """`docs/reference/monitoring.md` says what each is good for.

    `window_predictions` are a full window by count; a window by time is checked every `window_wait_seconds`; below
    `window_minimum` pictures nothing is concluded. What is younger than `window_settle_seconds` is in no window yet.
    `window_segments` segments are watched one by one. All windows together may raise `window_pages_per_day` false
    pages. `null_replay_windows` without drift are replayed for each model version. Accuracy is that of the last
    `accuracy_days`, looked at every `accuracy_every_seconds` and tested against `accuracy_target` (0: what the version
    promised itself) for a loss of `accuracy_fall`, both shares. Without a `monitoring_metrics_port` (0) no metrics are
    served.
    """

    store: StoreSettings
    bundle_cache: Path = Path("data/bundles")
    window_predictions: int = 200
    window_minimum: int = 50
    window_wait_seconds: float = 3600.0
    online_settle_seconds: float = 30.0
    online_pictures_a_day: int = 1000
    accuracy_days: int = 28
    accuracy_every_seconds: float = 900.0
    accuracy_target: float = 0.0
    accuracy_fall: float = 0.05
    window_settle_seconds: float = 30.0
    window_segments: int = 20
    window_pages_per_day: float = 0.05
    null_replay_windows: int = 400
    retention_days: int = 365
    retention_features_days: int = 180
    monitoring_poll_seconds: float = 5.0
    monitoring_metrics_host: str = "127.0.0.1"
    monitoring_metrics_port: int = 0
    rollout: RolloutSettings = field(default_factory=RolloutSettings)

    def __post_init__(self) -> None:
        if not 2 <= self.window_minimum <= self.window_predictions <= 10_000:
            raise Invalid(
                "URSA_WINDOW_MINIMUM must be at least 2, and URSA_WINDOW_PREDICTIONS between it and 10000."
            )
        if not self.window_wait_seconds > 0 or not self.monitoring_poll_seconds > 0:
            raise Invalid(
                "URSA_WINDOW_WAIT_SECONDS and URSA_MONITORING_POLL_SECONDS must be above 0."
            )
        if not self.online_settle_seconds >= 0 or self.online_pictures_a_day < 1:
            raise Invalid(
                "URSA_ONLINE_SETTLE_SECONDS must not be below 0, URSA_ONLINE_PICTURES_A_DAY at least 1."
            )
        self._check_windows()
        self._check_accuracy()
        self._check_retention()
        if not 0 <= self.monitoring_metrics_port <= 65535:
            raise Invalid("URSA_MONITORING_METRICS_PORT must be between 0 and 65535.")

    def _check_windows(self) -> None:
        if not 0 <= self.window_settle_seconds <= 3600 or not 0 <= self.window_segments <= 100:
            raise Invalid(
                "URSA_WINDOW_SETTLE_SECONDS must be between 0 and 3600, and URSA_WINDOW_SEGMENTS between 0 and 100."
            )
        if not 10 <= self.null_replay_windows <= 10_000:
            raise Invalid("URSA_NULL_REPLAY_WINDOWS must be between 10 and 10000.")
        if not 0 < self.window_pages_per_day <= 100:
            raise Invalid("URSA_WINDOW_PAGES_PER_DAY must be above 0 and at most 100.")

    def _check_retention(self) -> None:
        for ages in (self.retention_days, self.retention_features_days):
            # what windows, detectors and the look at accuracy read must be there
            if ages and ages <= self.accuracy_days:
                raise Invalid(
                    "URSA_RETENTION_DAYS and URSA_RETENTION_FEATURES_DAYS must be 0 (for good) or above URSA_ACCURACY_DAYS."
                )

    def _check_accuracy(self) -> None:
        if not 1 <= self.accuracy_days <= 366:
            raise Invalid("URSA_ACCURACY_DAYS must be between 1 and 366.")
        if not 60 <= self.accuracy_every_seconds <= 86400:
            raise Invalid("URSA_ACCURACY_EVERY_SECONDS must be between 60 and 86400.")
        if not 0 < self.accuracy_fall < 1:
            raise Invalid("URSA_ACCURACY_FALL must be above 0 and below 1.")
        if self.accuracy_target and not self.accuracy_fall < self.accuracy_target < 1:
            raise Invalid(
                "URSA_ACCURACY_TARGET must be 0, or above URSA_ACCURACY_FALL and below 1."
            )


def read_settings(environ: Mapping[str, str] | None = None) -> MonitoringSettings:
    """From the environment unless another mapping is given. Raises Invalid with one sentence."""
    given = of_this_machine(os.environ) if environ is None else environ
    return MonitoringSettings(
        store=read_store_settings(given, needs_secret=False),
        bundle_cache=Path(given.get("URSA_BUNDLE_CACHE", "data/bundles")),
        window_predictions=whole(given, "URSA_WINDOW_PREDICTIONS", 200),
        window_minimum=whole(given, "URSA_WINDOW_MINIMUM", 50),
        window_wait_seconds=number(given, "URSA_WINDOW_WAIT_SECONDS", 3600.0),
        online_settle_seconds=number(given, "URSA_ONLINE_SETTLE_SECONDS", 30.0),
        online_pictures_a_day=whole(given, "URSA_ONLINE_PICTURES_A_DAY", 1000),
        accuracy_days=whole(given, "URSA_ACCURACY_DAYS", 28),
        accuracy_every_seconds=number(given, "URSA_ACCURACY_EVERY_SECONDS", 900.0),
        accuracy_target=number(given, "URSA_ACCURACY_TARGET", 0.0),
        accuracy_fall=number(given, "URSA_ACCURACY_FALL", 0.05),
        window_settle_seconds=number(given, "URSA_WINDOW_SETTLE_SECONDS", 30.0),
        window_segments=whole(given, "URSA_WINDOW_SEGMENTS", 20),
        window_pages_per_day=number(given, "URSA_WINDOW_PAGES_PER_DAY", 0.05),
        null_replay_windows=whole(given, "URSA_NULL_REPLAY_WINDOWS", 400),
        retention_days=whole(given, "URSA_RETENTION_DAYS", 365),
        retention_features_days=whole(given, "URSA_RETENTION_FEATURES_DAYS", 180),
        monitoring_poll_seconds=number(given, "URSA_MONITORING_POLL_SECONDS", 5.0),
        monitoring_metrics_host=given.get("URSA_MONITORING_METRICS_HOST", "127.0.0.1"),
        monitoring_metrics_port=whole(given, "URSA_MONITORING_METRICS_PORT", 0),
        rollout=read_rollout_settings(given),
    )


def forbid_telemetry() -> None:
    """Tell libraries of this process that report their use to report nothing; before they are imported."""
    os.environ["DO_NOT_TRACK"] = "1"
