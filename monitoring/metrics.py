"""Every metric of the monitoring program: gauges read from rows, and what this process did itself.

Labels take their values from closed lists or from lists that are kept short; units are base units. What the rows
say is set by `gauges` and `watched` alone. A process has 500 series at most, with 100 classes.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from monitoring.snapshot import Described, Snapshot
from store.tables.predictions import STAGES
from store.tables.rollouts import SWITCHES

# a series more for each counter, which nothing here reads
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

PROGRAMS = ("service", "monitoring", "retrain")
ROLES = ("incumbent", "candidate")
TRAFFIC = ("all", "pending", "reviewed", "out_of_domain", "audited")
VERDICTS = ("quiet", "drift", "too_few")
PARTS = (
    "heartbeat",
    "rollouts",
    "windows",
    "null_replays",
    "online",
    "why",
    "accuracy",
    "retention",
    "expiry",
    "deadlines",
    "gauges",
)

DECISIONS = ("advance", "hold", "revert")
# of each list as many names as this have series of their own
MOST_SEGMENTS = 20
MOST_VERSIONS = 3
MOST_CLASSES = 100
MOST_INTERVALS = 20

DATABASE_UP = Gauge(
    "ursa_monitoring_database_up",
    "1 when the rows behind the other gauges were read at the last look, else 0.",
    registry=REGISTRY,
)
FAILURES = Counter(
    "ursa_monitoring_failures_total",
    "Looks that failed, by the part of the loop.",
    ("part",),
    registry=REGISTRY,
)
HELD_TO_THE_LIMIT = Counter(
    "ursa_held_to_limit_total",
    "Held answers that nobody looked at in time and that this process answered as their scope says.",
    registry=REGISTRY,
)
HEARTBEAT = Gauge(
    "ursa_heartbeat_timestamp_seconds",
    "When a program last said that it is alive; 0: never.",
    ("program",),
    registry=REGISTRY,
)
QUEUE = Gauge("ursa_queue_reviews", "Reviews that wait, by lane.", ("lane",), registry=REGISTRY)
QUEUE_OLDEST = Gauge(
    "ursa_queue_oldest_age_seconds",
    "For how long the oldest waiting review has waited; 0 when none waits.",
    registry=REGISTRY,
)
PREDICTIONS_LAST_HOUR = Gauge(
    "ursa_predictions_last_hour",
    "Predictions made within the last hour, by kind; one may be of several kinds.",
    ("kind",),
    registry=REGISTRY,
)
MODEL_VERSION = Gauge(
    "ursa_rollout_model_version",
    "The number of the model version in this role, by the rollouts' rows; 0 is none.",
    ("role",),
    registry=REGISTRY,
)
WINDOW_VERDICT = Gauge(
    "ursa_window_verdict",
    "1 for the verdict of the live model version's newest window, 0 for the others.",
    ("verdict",),
    registry=REGISTRY,
)
WINDOW_ENDS = Gauge(
    "ursa_window_end_timestamp_seconds",
    "When the newest window of the live model version ended; 0: there is none.",
    registry=REGISTRY,
)
WINDOW_PICTURES = Gauge(
    "ursa_window_pictures",
    "Pictures in the newest window of the live model version.",
    registry=REGISTRY,
)
WINDOWS = Counter(
    "ursa_windows_checked_total",
    "Windows that this process checked and kept, by verdict.",
    ("verdict",),
    registry=REGISTRY,
)
WINDOW_SECONDS = Histogram(
    "ursa_window_check_seconds",
    "Seconds of a check, from the claimed job to the kept rows.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)

DECISIONS_MADE = Counter(
    "ursa_rollout_decisions_total",
    "Decisions on candidates that this process kept, by verdict.",
    ("verdict",),
    registry=REGISTRY,
)
QUEUE_AGE = Gauge(
    "ursa_queue_age_seconds",
    "For how long the oldest waiting review of a lane has waited; 0 when none waits.",
    ("lane",),
    registry=REGISTRY,
)
ALIVE = Gauge(
    "ursa_heartbeat_instances",
    "Processes of a program that said within the last minute that they are alive.",
    ("program",),
    registry=REGISTRY,
)
STAGE = Gauge(
    "ursa_rollout_stage",
    "1 for the stage that the candidate is at, 0 for the others; all 0 without a candidate.",
    ("stage",),
    registry=REGISTRY,
)
SHARE = Gauge(
    "ursa_rollout_share_ratio",
    "The share of subjects that the candidate answers; 0 without one.",
    registry=REGISTRY,
)
DECISION = Gauge(
    "ursa_rollout_decision",
    "1 for monitoring's newest verdict on the candidate, 0 for the others.",
    ("verdict",),
    registry=REGISTRY,
)
DECIDED = Gauge(
    "ursa_rollout_decision_timestamp_seconds",
    "When monitoring last concluded something about the candidate; 0: never.",
    registry=REGISTRY,
)
SWITCH = Gauge(
    "ursa_switch_thrown", "1 while people have thrown this switch.", ("switch",), registry=REGISTRY
)
OUTBOX = Gauge(
    "ursa_webhook_waiting", "Events that wait to be delivered to a webhook.", registry=REGISTRY
)
OUTBOX_AGE = Gauge(
    "ursa_webhook_oldest_age_seconds",
    "For how long the oldest of them has waited; 0 when none waits.",
    registry=REGISTRY,
)
GIVEN_UP = Gauge(
    "ursa_webhook_given_up_last_day",
    "Deliveries that were given up within 24 hours.",
    registry=REGISTRY,
)
RETIRED = Counter(
    "ursa_retention_rows_total",
    "Rows that this process took because of their age; picture_bytes counts bytes.",
    ("what",),
    registry=REGISTRY,
)
ROWS = Snapshot(
    [
        Described(
            "ursa_jobs_waiting", "Jobs that are due and that nobody has begun, by kind.", ("kind",)
        ),
        Described(
            "ursa_jobs_failed_last_day",
            "Jobs that failed for good in 24 hours, by kind.",
            ("kind",),
        ),
        Described(
            "ursa_alarms_open",
            "Alarms that are not cleared, by who noticed; `pages` is true where it is worth waking somebody.",
            ("kind", "pages"),
        ),
        Described(
            "ursa_alarm_raised_timestamp_seconds",
            "When the newest open alarm of a kind was raised; `alarm` is its id, for the link in an alert.",
            ("kind", "pages", "alarm"),
        ),
        Described(
            "ursa_segment_window_drift",
            "1 when the segment's newest window was called drift, 0 when quiet; no series when it held too few.",
            ("version", "segment"),
        ),
        Described(
            "ursa_segment_window_pictures",
            "Pictures of the segment's newest window.",
            ("version", "segment"),
        ),
        Described(
            "ursa_detector_statistic",
            "The online detector's statistic; at its threshold it raises an alarm.",
            ("version", "segment"),
        ),
        Described(
            "ursa_detector_threshold",
            "Where the online detector raises an alarm.",
            ("version", "segment"),
        ),
        Described(
            "ursa_detector_seen_pictures",
            "Pictures that the online detector has counted since it began.",
            ("version", "segment"),
        ),
        Described(
            "ursa_accuracy_ratio",
            "Accuracy of all traffic estimated from the audit, by slice.",
            ("version", "by", "slice"),
        ),
        Described(
            "ursa_accuracy_low_ratio", "Lower end of its interval.", ("version", "by", "slice")
        ),
        Described(
            "ursa_accuracy_high_ratio", "Upper end of its interval.", ("version", "by", "slice")
        ),
        Described(
            "ursa_accuracy_effective_labels",
            "As many labels drawn one by one would say as much.",
            ("version", "by", "slice"),
        ),
        Described("ursa_accuracy_end_timestamp_seconds", "Until when the newest estimate saw."),
    ]
)
REGISTRY.register(ROWS)
ACCURACY_SECONDS = Histogram(
    "ursa_accuracy_look_seconds",
    "Seconds of a look at accuracy: reading the rows of its days, and all slices.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60),
    registry=REGISTRY,
)

# a series that has not happened yet is 0, not absent: rules of alerts need that
for _decision in DECISIONS:
    DECISIONS_MADE.labels(_decision)
for _part in PARTS:
    FAILURES.labels(_part)
for _verdict in VERDICTS:
    WINDOWS.labels(_verdict)
    WINDOW_VERDICT.labels(_verdict)
for _program in PROGRAMS:
    HEARTBEAT.labels(_program)
for _role in ROLES:
    MODEL_VERSION.labels(_role)
for _kind in TRAFFIC:
    PREDICTIONS_LAST_HOUR.labels(_kind)
for _what in ("predictions", "pictures", "picture_bytes", "features", "reports", "other"):
    RETIRED.labels(_what)
for _stage in STAGES:
    STAGE.labels(_stage)
for _verdict in DECISIONS:
    DECISION.labels(_verdict)
for _switch in SWITCHES:
    SWITCH.labels(_switch)
