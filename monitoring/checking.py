"""Check one window: the predictions of a stretch against their model version's own reference.

Order: columns, what can be compared, the rule, the report. Nothing is read from a clock or drawn from the air: the
same rows, bundle and stretch give the same verdict. What there is too little of is said and never guessed.
Importing this takes seconds (Evidently), so it is imported when the first window is due.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring import columns, drift, rule
from monitoring.due import Stretch
from monitoring.references import Known, NoReference
from monitoring.rule import Flags
from store.tables import ModelVersion, Prediction
from store.windows import NewReport, NewWindow

LEAST_REFERENCE = 50
# beyond that many rows a reference costs time and decides nothing
MOST_REFERENCE = 2000


@dataclass(frozen=True)
class Checked:
    """A window as it is kept; with a report, and the script that it needs, if there were pictures enough."""

    window: NewWindow
    report: NewReport | None = None
    script: tuple[str, bytes] | None = None


def check(
    version: ModelVersion,
    stretch: Stretch,
    rows: Sequence[Prediction],
    known: Known | NoReference,
    minimum: int,
    now: datetime,
) -> Checked:
    """The verdict on `rows`, the predictions of `stretch` (one at least); `minimum` pictures are needed for one."""
    seed = _seed(stretch)
    config = {
        "rule": rule.NAME,
        "permutations": rule.PERMUTATIONS,
        "thresholds": rule.SHARES,
        "seed": seed,
        "minimum": minimum,
        "bundle": version.bundle_digest,
    }
    if isinstance(known, NoReference):
        return Checked(_window(stretch, rows, "too_few", {"reason": str(known)}, config))
    # the same picture sent again is no further evidence
    different = list({row.picture_digest: row for row in rows}.values())
    window = columns.of_predictions(different)
    reference = columns.of_reference(known.reference, known.classes, MOST_REFERENCE, seed)
    config |= {"different_pictures": len(window), "reference_pictures": len(reference)}
    if why := _lacking(len(window), minimum, len(reference)):
        return Checked(_window(stretch, rows, "too_few", {"reason": why}, config))
    window, reference, config["left_out"] = columns.comparable(window, reference)
    tests = rule.outcomes(window, reference, _flags(different, known), seed)
    verdict = "drift" if any(test.drift for test in tests.values()) else "quiet"
    values = {name: test.as_json() for name, test in tests.items()}
    about = {
        "model_version": str(version.number),
        "reference": version.bundle_digest,
        **vars(stretch),
    }
    made = drift.report(window, reference, tests, about, now)
    report = NewReport(drift.MADE_BY, made.body, made.html, made.script_sha256)
    return Checked(_window(stretch, rows, verdict, values, config), report, drift.script())


def _lacking(pictures: int, minimum: int, reference: int) -> str:
    if pictures < minimum:
        return f"{pictures} different pictures; {minimum} are needed for a verdict."
    if reference < LEAST_REFERENCE:
        return f"The model's reference has {reference} pictures; {LEAST_REFERENCE} are needed for a verdict."
    return ""


def _seed(stretch: Stretch) -> int:
    text = f"{stretch.model_version_id}|{stretch.first_prediction_id}|{stretch.last_prediction_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _flags(rows: Sequence[Prediction], known: Known) -> Flags:
    looked_at = [row for row in rows if row.inside is not None]
    return Flags(
        flagged=sum(row.inside is False for row in looked_at),
        pictures=len(looked_at),
        rank=known.reference.rank if looked_at else 0,
        calibration=len(known.reference.calibration),
    )


def _window(
    stretch: Stretch,
    rows: Sequence[Prediction],
    verdict: str,
    values: dict[str, Any],
    config: dict[str, Any],
) -> NewWindow:
    return NewWindow(
        segment="",
        starts_at=rows[0].created_at,
        ends_at=rows[-1].created_at,
        pictures=len(rows),
        verdict=verdict,
        values=values,
        config=config,
        **vars(stretch),
    )
