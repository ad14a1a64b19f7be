"""Everything that the retrain program counts, in a registry of its own. Labels come from closed lists."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

KINDS = ("train", "backtest")
OUTCOMES = ("done", "nothing_new", "failed", "given_back", "lost")

JOBS = Counter(
    "ursa_retrain_jobs_total",
    "Jobs by how they ended: done, nothing_new, failed (one try), given_back (told to stop), lost.",
    ("kind", "outcome"),
    registry=REGISTRY,
)
JOB_SECONDS = Histogram(
    "ursa_retrain_job_seconds",
    "How long a job took, from being claimed to its end, whatever the end was.",
    ("kind",),
    buckets=(1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400),
    registry=REGISTRY,
)
BUSY = Gauge("ursa_retrain_busy", "1 while a job is being done by this process.", registry=REGISTRY)
LABELS = Gauge(
    "ursa_retrain_new_labels", "New labels in the newest set that was frozen.", registry=REGISTRY
)

for _kind in KINDS:
    for _outcome in OUTCOMES:
        JOBS.labels(_kind, _outcome)
