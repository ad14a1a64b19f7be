"""What a consumer is told about a prediction, at once and later.

A pending answer has no label and shows nothing of what a model thought of one. A person's answer has no confidence
and no probabilities: those would be a model's. The bytes made here are kept, and given again to a repeated request.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store.prediction_log import NewPrediction
from store.tables import Prediction

Share = Annotated[float, Field(ge=0, le=1)]


class Domain(BaseModel):
    """How much the picture is like those the model was made for."""

    inside: bool = Field(description="False: unlike them; `reasons` say in what.")
    look_p: Share = Field(
        description="Conformal p-value of what the picture looks like (brightness, sharpness, ...)."
    )
    feature_p: Share = Field(description="Conformal p-value of where the network's features lie.")
    reasons: list[str] = Field(
        description="In words, the strongest first.", examples=[["no colour"]]
    )


class Answer(BaseModel):
    """One prediction, as far as it is answered."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "example": {
                "id": "01a2044e-2fa3-7a00-aa14-2f4e82ac59e4",
                "status": "answered",
                "answered_by": "model",
                "label": "grizzly",
                "confidence": 0.93,
                "probabilities": {"black": 0.05, "grizzly": 0.93, "teddy": 0.02},
                "domain": {"inside": True, "look_p": 0.41, "feature_p": 0.37, "reasons": []},
                "stage": "full",
                "model_version": 3,
                "reference": "order-77",
                "created_at": "2026-11-22T17:29:22.595000Z",
            }
        },
    )

    id: str = Field(description="UUIDv7, made by the server.")
    status: Literal["answered", "pending"] = Field(
        description="`pending`: a person will look. Ask again with GET /v1/predictions/{id}."
    )
    answered_by: Literal["model", "person"] | None = Field(description="null while pending.")
    label: str | None = Field(
        description="The class. null while pending, and where people found that none of the classes fits."
    )
    confidence: Share | None = Field(
        description="Calibrated: of answers given with 0.8 about 80 % are right, inside the domain."
        " null unless a model answered."
    )
    probabilities: dict[str, Share] | None = Field(
        description="By class, summing to 1. null unless a model answered."
    )
    domain: Domain | None = Field(description="null when no model looked at the picture.")
    stage: Literal["manual", "limited", "expanding", "full"] = Field(
        description="The stage of the rollout that answered; `manual` when people do."
    )
    model_version: int | None = Field(
        description="The version that looked at the picture, whoever answered; null for none."
    )
    reference: str | None = Field(description="What you called the picture.")
    created_at: AwareDatetime

    def as_bytes(self) -> bytes:
        """The answer on the wire."""
        return self.model_dump_json().encode()


def tell(prediction: NewPrediction | Prediction, model_version: int | None) -> Answer:
    """What may be told now. `model_version` is the number of the version that looked."""
    # at the limit of a held answer another model's may be given: this one's numbers are not about it
    by_model = prediction.answered_by == "model" and prediction.answer == prediction.label
    return Answer(
        id=prediction.id,
        status="answered" if prediction.status == "answered" else "pending",
        answered_by=prediction.answered_by,  # type: ignore[arg-type]  # the column's own CHECK holds the words
        label=prediction.answer,
        confidence=prediction.confidence if by_model else None,
        probabilities=prediction.probabilities if by_model else None,
        domain=_domain(prediction),
        stage=prediction.stage,  # type: ignore[arg-type]  # the column's own CHECK holds the words
        model_version=model_version,
        reference=prediction.reference,
        created_at=_to_the_millisecond(prediction.created_at),
    )


def _domain(prediction: NewPrediction | Prediction) -> Domain | None:
    inside, look_p, feature_p = prediction.inside, prediction.look_p, prediction.feature_p
    if inside is None or look_p is None or feature_p is None:
        return None
    return Domain(
        inside=inside, look_p=look_p, feature_p=feature_p, reasons=prediction.domain_reasons
    )


def _to_the_millisecond(when: datetime) -> datetime:
    return when.replace(microsecond=when.microsecond // 1000 * 1000)
