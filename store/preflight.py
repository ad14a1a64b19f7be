"""What must be written down before a candidate may answer anybody: the questions, and a register of risks.

The questions are those of fastai's book, chapter 2 ("How to avoid disaster"), and the objective, levers and data of
its drivetrain approach. Order: `parse` what people wrote, keep it with the rollout, show it on its page; leaving
`manual` asks `answered`. A risk names the metric that shows it, the alert that rings and who comes; metric and
alert are taken from closed lists, which tests hold against what the programs really export. Pure: no SQL.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from store import scope as scopes
from store.errors import Invalid

QUESTIONS = {
    "objective": "What is the objective: which outcome is wanted, in whose words?",
    "levers": "Which levers are there: what can be done with an answer?",
    "data": "Which data is there, and what would have to be collected?",
    "today": "Who does it today, and how well?",
    "missing": "Which kinds of pictures are missing from the training set?",
    "harm": "If it goes really, really well: who is hurt, and how?",
    "feedback": "How will it change what is observed afterwards?",
    "reports": "Which report shows each of these failures?",
    "stop": "Who can stop it, and how fast?",
}
STEPS = (0.05, 0.25, 0.5)
MOST_RISKS = 50
LONGEST = 4000

# what a risk can be watched by: metrics of the programs, as Prometheus sees them
METRICS = (
    "ursa_predictions_total", "ursa_prediction_seconds", "ursa_model_failures_total",
    "ursa_hard_limits_total", "ursa_shadow_answers_total", "ursa_reviews_opened_total",
    "ursa_models_killed", "ursa_models_broken", "ursa_window_verdict", "ursa_segment_window_drift",
    "ursa_detector_statistic", "ursa_alarms_open", "ursa_accuracy_ratio", "ursa_queue_reviews",
    "ursa_queue_oldest_age_seconds", "ursa_rollout_decision", "ursa_heartbeat_timestamp_seconds",
    "ursa_predictions_last_hour", "ursa_monitoring_failures_total",
)  # fmt: skip
# what rings: alerts of deploy/prometheus, as they are named there
ALERTS = (
    "UrsaServiceDown", "UrsaErrorsFast", "UrsaErrorsSlow", "UrsaPredictionsSlow", "UrsaPredictionsShed",
    "UrsaModelFails", "UrsaModelBroken", "UrsaModelsStopped", "UrsaRolloutUnheard", "UrsaHeldWaiting",
    "UrsaAuditBacklog", "UrsaAccuracyLow", "UrsaAccuracyStale", "UrsaFlaggedFast", "UrsaFlaggedSlow",
    "UrsaFlaggedDays", "UrsaDriftPages", "UrsaRolloutStops", "UrsaSegmentDrift", "UrsaMonitoringSilent",
    "UrsaMonitoringBlind", "UrsaJobsWait", "UrsaJobsFailed", "UrsaWebhooksWait", "UrsaCopyDown",
)  # fmt: skip


def parse(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """(what is kept of the questions, the risks) from `answers`, `risks`, `scope` and `steps`.

    Raises Invalid (`preflight`, `scope`) with one sentence. Not every question must be answered yet.
    """
    if unknown := sorted(set(given) - {"answers", "risks", "scope", "steps"}):
        raise _wrong(f"There is no part {', '.join(unknown)}.")
    kept: dict[str, Any] = {"answers": _answers(given.get("answers", {}))}
    if given.get("scope") is not None:
        if not isinstance(given["scope"], Mapping):
            raise _wrong("The scope must be a table.")
        kept["scope"] = scopes.parse(given["scope"]).as_kept()
    kept["steps"] = _steps(given.get("steps", STEPS))
    return kept, _risks(given.get("risks", []))


def lacks(kept: Mapping[str, Any] | None, risks: Sequence[Any] | None) -> list[str]:
    """What is still to be written before the candidate may leave `manual`, in words."""
    answers = (kept or {}).get("answers", {})
    missing = [question for name, question in QUESTIONS.items() if not answers.get(name)]
    if not risks:
        missing.append("The register of risks holds no risk yet.")
    return missing


def answered(kept: Mapping[str, Any] | None, risks: Sequence[Any] | None) -> bool:
    """Whether nothing is lacking."""
    return not lacks(kept, risks)


def planned_scope(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The scope that was written for the limited stage, if one was; one that was left empty limits nothing and is none."""
    found = (kept or {}).get("scope")
    if found is None or scopes.kept(found).limits_nothing:
        return None
    return dict(found)


def next_step(kept: Mapping[str, Any] | None, share: float) -> float | None:
    """The next larger share of the plan; None when the plan is at its end."""
    return next((one for one in (kept or {}).get("steps", STEPS) if one > share), None)


def _answers(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise _wrong("The answers must be a table.")
    if unknown := sorted(set(given) - set(QUESTIONS)):
        raise _wrong(f"There is no question {', '.join(unknown)}.")
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > LONGEST:
            raise _wrong(f"The answer to {name} must be a text of at most {LONGEST} characters.")
    return {name: given[name].strip() for name in QUESTIONS if given.get(name, "").strip()}


def _steps(given: Any) -> list[float]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise _wrong("The steps must be a list of shares.")
    if not all(isinstance(one, float) and 0 < one < 1 for one in given):
        raise _wrong("Each step must be above 0 and below 1; at 1 the stage is full.")
    if len(set(given)) < len(given):
        raise _wrong("Each step must be said once.")
    # a share can only grow: there is one order in which they can be meant
    return sorted(given)


def _risks(given: Any) -> list[dict[str, str]]:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) > MOST_RISKS:
        raise _wrong(f"The risks must be a list of at most {MOST_RISKS}.")
    return [_risk(one) for one in given]


def _risk(given: Any) -> dict[str, str]:
    fields = ("risk", "metric", "alert", "owner")
    if not isinstance(given, Mapping) or set(given) != set(fields):
        raise _wrong(f"Each risk has exactly: {', '.join(fields)}.")
    for name in fields:
        if not isinstance(given[name], str) or not given[name].strip():
            raise _wrong(f"A risk's {name} must be said.")
    told = {name: given[name].strip()[:LONGEST] for name in fields}
    for name, known in (("metric", METRICS), ("alert", ALERTS)):
        if told[name] not in known:
            raise _wrong(f"There is no {name} {told[name]!r}: it is one of {', '.join(known)}.")
    return told


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, "preflight")
