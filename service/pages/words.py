"""The design's words for what stands in rows, and numbers as people read them.

Every list is closed; a word that is not in it is shown as it stands, with spaces, and never hidden.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

LANES = {
    "held": "A consumer waits",
    "evidence": "Decides between two models",
    "audit": "Random audit",
    "feedback": "A consumer disagreed",
    "rule": "Unsure or unusual",
}
STAGES = {
    "manual": "runs alongside and changes nothing",
    "limited": "answers inside a written scope",
    "expanding": "answers for a growing share",
    "full": "answers everything",
}
REASONS = {
    "no_model": "no model answers now, so people do",
    "manual": "people answer in this stage",
    "stopped": "models are stopped, so people answer",
    "held": "held until a person has looked",
    "low_confidence": "the model is not sure",
    "domain": "unlike the pictures the model was trained on",
    "cost": "being wrong here would cost more than asking",
    "disagreement": "two models disagree",
    "audit": "drawn at random, so that accuracy is known",
    "feedback": "the consumer disagreed",
    "second_read": "a second opinion is wanted",
}
KINDS = {
    "none_of_these": "None of these",
    "not_usable": "Not usable",
    "cannot_tell": "Cannot tell",
}
VERDICTS = {
    "better": ("better", "good"),
    "worse": ("worse", "bad"),
    "cannot_tell": ("not enough labels to tell", "quiet"),
}
WINDOWS = {
    "quiet": ("as in training", "good"),
    "drift": ("has moved", "warn"),
    "too_few": ("too few pictures to tell", "quiet"),
}
ALARMS = {
    "online": "Unlike the training, picture by picture",
    "window": "A window has moved",
    "accuracy": "Accuracy has fallen",
    "rollout_guard": "A candidate was taken back",
    "rollout_held": "A candidate is held until people look",
    "evidence_overdue": "A candidate’s labels are overdue",
}
MOVES = {
    "open": "began to run alongside",
    "limit": "answers inside a scope",
    "expand": "answers for a larger share",
    "promote": "took over",
    "fall_back": "fell back to running alongside",
    "withdraw": "was withdrawn",
    "revert": "was taken back",
    "restore": "answers again",
    "begin_anew": "begins anew beside another version",
    "confirm": "may answer everything, one person said",
}
PHASES = {
    "gather": "gathering labels",
    "train": "training",
    "export": "writing the bundle",
    "backtest": "comparing with the model that answers",
}
PROGRAMS = {
    "service": "Service",
    "monitoring": "Monitoring",
    "retrain": "Retraining",
}
ROLES = {"reviewer": "reviewer", "operator": "operator", "admin": "administrator"}

LATE_AFTER = timedelta(seconds=90)


def word(words: Mapping[str, str], name: str) -> str:
    """The word for a name."""
    return words.get(name, name.replace("_", " "))


def alarm(cleared_at: datetime | None, acknowledged_at: datetime | None) -> tuple[str, str]:
    """An alarm's state and its sign."""
    if cleared_at is not None:
        return "over", "quiet"
    return ("open, taken on", "warn") if acknowledged_at is not None else ("open", "bad")


def answer(kind: str | None, label: str | None) -> str:
    """What a person said: the class, or one of the other kinds."""
    return label if label is not None else word(KINDS, kind or "")


def number(value: float) -> str:
    """1234567 -> 1,234,567; thin spaces would not be copied well."""
    return f"{value:,.0f}"


def percent(share: float | None, digits: int = 0) -> str:
    """0.873 -> 87 %; a dash where nothing is known."""
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign: 0.034 -> +3.4."""
    return f"{difference * 100:+.1f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """p = 0.034; the very small ones by their bound."""
    if value is None:
        return "p unknown"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def ago(then: datetime, now: datetime) -> str:
    """How long ago (or until when) in one unit: just now, 3 min ago, in 2 h, 5 days ago."""
    seconds = (now - then).total_seconds()
    span = abs(seconds)
    if span < 10:
        return "just now"
    for size, unit, until in ((1, "s", 60), (60, "min", 3600), (3600, "h", 86400 * 2)):
        if span < until:
            return _either(f"{span / size:.0f} {unit}", seconds)
    return _either(f"{span / 86400:.0f} days", seconds)


def lasting(start: datetime, end: datetime) -> str:
    """How long something took: 42 s, 3 min, 2 h."""
    seconds = (end - start).total_seconds()
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def megabytes(size: float) -> str:
    """Bytes in the unit that gives one to three digits."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def some(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 picture, 3 pictures."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def _either(span: str, seconds: float) -> str:
    return f"{span} ago" if seconds > 0 else f"in {span}"
