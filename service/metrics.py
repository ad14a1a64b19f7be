"""Every metric of the web process. Labels take their values from closed lists; units are base units."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# from a database answer to a consumer who has given up, in seconds
_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip

PHASES = ("check", "wait", "model", "shadow", "bytes", "rows", "total")

REQUESTS = Counter(
    "ursa_requests_total",
    "Requests by route (as it is written in the code) and status.",
    ("route", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "ursa_request_seconds",
    "From the first byte of a request's head to the last byte of its answer.",
    ("route",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROBLEMS = Counter(
    "ursa_problems_total",
    "Requests that were refused or failed, by the code that they were told.",
    ("code",),
    registry=REGISTRY,
)
INSIDE = Gauge(
    "ursa_predictions_inside", "Prediction requests that are being worked on.", registry=REGISTRY
)
PREDICTIONS = Counter(
    "ursa_predictions_total",
    "Predictions kept, by what the consumer was told and by what was decided.",
    ("status", "decision"),
    registry=REGISTRY,
)
PREDICTION_SECONDS = Histogram(
    "ursa_prediction_seconds",
    "Seconds of a prediction by phase.",
    ("phase",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
REPLAYS = Counter(
    "ursa_replays_total",
    "First answers given again to the same Idempotency-Key.",
    registry=REGISTRY,
)
BAD_PICTURES = Counter(
    "ursa_bad_pictures_total", "Pictures refused, by reason.", ("reason",), registry=REGISTRY
)
MODEL_FAILURES = Counter(
    "ursa_model_failures_total",
    "Pictures that a model should have answered and could not; people answer them.",
    registry=REGISTRY,
)
SHADOWS = Counter(
    "ursa_shadow_answers_total",
    "What became of asking the candidate: answered, failed, or shed under load.",
    ("outcome",),
    registry=REGISTRY,
)
REVIEWS_OPENED = Counter(
    "ursa_reviews_opened_total",
    "Reviews that this process opened, by lane.",
    ("lane",),
    registry=REGISTRY,
)
FEEDBACK = Counter(
    "ursa_feedback_total", "What consumers said back: right or wrong.", ("said",), registry=REGISTRY
)
LIVE_POLLS = Counter(
    "ursa_live_polls_total", "Looks at who answers now.", ("outcome",), registry=REGISTRY
)
LIVE_MODEL_VERSION = Gauge(
    "ursa_live_model_version",
    "The number of the model version in this role; 0 is none.",
    ("role",),
    registry=REGISTRY,
)
MODEL_LOADS = Counter(
    "ursa_model_loads_total", "Bundles loaded, or found broken.", ("outcome",), registry=REGISTRY
)
MODELS_BROKEN = Gauge(
    "ursa_models_broken",
    "Models that should run here and cannot be loaded; the ones before them go on.",
    registry=REGISTRY,
)
MODELS_KILLED = Gauge(
    "ursa_models_killed", "1 while people have stopped all models.", registry=REGISTRY
)
SIGN_INS = Counter(
    "ursa_sign_ins_total", "Attempts to sign in, by outcome.", ("outcome",), registry=REGISTRY
)

# a series that has not happened yet is 0, not absent: rules of alerts need that
for _outcome in ("answered", "failed", "shed"):
    SHADOWS.labels(_outcome)
for _outcome in ("ok", "failed"):
    LIVE_POLLS.labels(_outcome)
for _outcome in ("loaded", "failed"):
    MODEL_LOADS.labels(_outcome)
for _phase in PHASES:
    PREDICTION_SECONDS.labels(_phase)
