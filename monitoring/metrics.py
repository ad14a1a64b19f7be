"""Every metric of the monitoring program: gauges read from rows, and what this process did itself.

Labels take their values from closed lists; units are base units. What the rows say is set by `gauges` alone.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

PROGRAMS = ("service", "monitoring", "retrain")
ROLES = ("incumbent", "candidate")
TRAFFIC = ("all", "pending", "reviewed", "out_of_domain", "audited")
VERDICTS = ("quiet", "drift", "too_few")
PARTS = ("heartbeat", "windows", "gauges")

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

# a series that has not happened yet is 0, not absent: rules of alerts need that
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
