"""What is handed to the prediction log: one request's answer, and what other models said to the same picture."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from store.pictures import NewPicture
from store.reviews import NewReview


@dataclass(frozen=True)
class NewPrediction:
    """One answer to one request; the fields are the columns of `store.tables.Prediction`."""

    id: str
    consumer_id: str
    segment: str | None
    subject: str | None
    reference: str | None
    idempotency_key: str | None
    picture_digest: str
    captured_at: datetime | None
    created_at: datetime
    label: str | None
    confidence: float | None
    probabilities: dict[str, float] | None
    model_version_id: str | None
    engine: str | None
    precision: str | None
    decision: str
    reasons: list[str]
    policy_digest: str | None
    stage: str
    rollout_event_id: int | None
    status: str
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    properties: dict[str, float]
    look_score: float | None
    look_p: float | None
    feature_score: float | None
    feature_p: float | None
    domain_score: float | None
    domain_p: float | None
    inside: bool | None
    domain_reasons: list[str]
    features: bytes | None
    audited: bool
    audit_rate: float
    milliseconds: dict[str, float]


@dataclass(frozen=True)
class NewShadow:
    """What another model version said to the same picture, or why it said nothing."""

    model_version_id: str
    label: str | None
    confidence: float | None
    probabilities: dict[str, float] | None
    error: str | None
    milliseconds: float


@dataclass(frozen=True)
class FirstAnswer:
    """The bytes that a repeated request with the same key must get again."""

    key: str
    request_sha256: str
    answer: bytes


@dataclass(frozen=True)
class Entry:
    """Everything that one request adds to the log, in one commit; `awaited`: versions that have not answered yet.

    `still` is asked when nothing but the commit is left: where the answer may not be given any more, none of it is kept.
    """

    prediction: NewPrediction
    picture: NewPicture
    shadows: tuple[NewShadow, ...] = ()
    review: NewReview | None = None
    first_answer: FirstAnswer | None = None
    awaited: tuple[str, ...] = ()
    still: Callable[[], bool] = field(default=lambda: True, compare=False)


@dataclass(frozen=True)
class LateShadow:
    """What another model that was awaited said after the answer was kept; `review`: what people are asked because of it.

    Without `shadow` it was left out after all, and nobody waits for it any more.
    """

    prediction_id: str
    created_at: datetime  # the prediction's
    model_version_id: str
    shadow: NewShadow | None
    review: NewReview | None = None
