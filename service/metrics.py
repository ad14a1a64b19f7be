"""Every metric of the web process. Labels take their values from closed lists; units are base units.

A process has 500 series at most, with 100 classes, and whatever consumers send: what has names of theirs goes
through `counting`, which keeps the lists short.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from store.tables.reviews import LANES

# a series more for each counter, which nothing here reads
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# from a database answer to a consumer who has given up, in seconds
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# what is judged by p is judged at one of these
_PROBABILITIES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)

PHASES = ("check", "wait", "model", "shadow", "bytes", "rows", "total")
SCORES = ("look", "feature", "fused")
FLAGS = ("flagged", "not_flagged")
# what a request was for; addresses are many, and each would have a histogram
AREAS = ("predictions", "api", "review", "pages", "health")
# 429 apart from the other refusals: it says that there is too much to do
STATUSES = ("2xx", "3xx", "4xx", "429", "5xx")

REQUESTS = Counter(
    "ursa_requests_total",
    "Requests by what they were for and the status of their answer.",
    ("area", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "ursa_request_seconds",
    "From the first byte of a request's head to the last byte of its answer.",
    ("area",),
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
ANSWERS_BY_CLASS = Counter(
    "ursa_class_answers_total",
    "Predictions by the class that the model gave.",
    ("label",),
    registry=REGISTRY,
)
ANSWERS_BY_SEGMENT = Counter(
    "ursa_segment_answers_total",
    "Predictions by the segment that the consumer named and by whether the picture was flagged as out of the domain.",
    ("segment", "flag"),
    registry=REGISTRY,
)
ANSWERS_BY_VERSION = Counter(
    "ursa_version_answers_total",
    "Predictions by the model version that looked and by whether the picture was flagged as out of the domain.",
    ("version", "flag"),
    registry=REGISTRY,
)
DOMAIN_P = Histogram(
    "ursa_domain_p_value",
    "Conformal p-values of pictures, by score: small is unlike the training pictures.",
    ("score",),
    buckets=_PROBABILITIES,
    registry=REGISTRY,
)
CONFIDENCE = Histogram(
    "ursa_confidence_ratio",
    "The model's confidence in the class that it gave.",
    buckets=(0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
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
CORES_REPLACED = Counter(
    "ursa_core_processes_replaced_total",
    "Processes for one picture at a time that died or did not come back.",
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
HARD_LIMITS = Counter(
    "ursa_hard_limits_total",
    "Candidates that this process stopped at once: crash, no usable numbers, not loadable, too slow.",
    registry=REGISTRY,
)
SIGN_INS = Counter(
    "ursa_sign_ins_total", "Attempts to sign in, by outcome.", ("outcome",), registry=REGISTRY
)

DELIVERIES = Counter(
    "ursa_webhook_deliveries_total",
    "Attempts to deliver an event to a webhook: accepted, or refused and to be tried again.",
    ("outcome",),
    registry=REGISTRY,
)

# a series that has not happened yet is 0, not absent: rules of alerts need that
for _outcome in ("answered", "failed", "shed"):
    SHADOWS.labels(_outcome)
for _outcome in ("ok", "failed"):
    LIVE_POLLS.labels(_outcome)
for _outcome in ("loaded", "failed"):
    MODEL_LOADS.labels(_outcome)
for _outcome in ("accepted", "refused"):
    DELIVERIES.labels(_outcome)
for _phase in PHASES:
    PREDICTION_SECONDS.labels(_phase)
for _score in SCORES:
    DOMAIN_P.labels(_score)
for _area in AREAS:
    REQUEST_SECONDS.labels(_area)
    for _status in STATUSES:
        REQUESTS.labels(_area, _status)
for _told in (("answered", "answer"), ("answered", "answer_and_review"), ("pending", "hold")):
    PREDICTIONS.labels(*_told)
for _lane in LANES:
    REVIEWS_OPENED.labels(_lane)
for _said in ("right", "wrong"):
    FEEDBACK.labels(_said)
for _outcome in ("signed_in", "refused", "slowed"):
    SIGN_INS.labels(_outcome)
for _role in ("incumbent", "candidate"):
    LIVE_MODEL_VERSION.labels(_role)
