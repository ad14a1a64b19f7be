"""Check one window: the predictions of a stretch against their model version's own reference.

Order: the rows of the stretch, what they are compared with, the verdict, what is kept of it, the report. Nothing is
read from a clock or drawn from the air: the same rows, bundle and stretch give the same verdict, bit for bit. What
there is too little of is said and never guessed. The report library takes seconds to load, so it is imported when the
first report is due.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from monitoring import columns, rule, window_verdicts
from monitoring.due import Stretch
from monitoring.hours import Hours
from monitoring.references import Known, NoReference
from monitoring.window_verdicts import Judged
from store.tables import ModelVersion, Prediction
from store.windows import NewReport, NewWindow

# of a longer stretch so many predictions are drawn
MOST_PICTURES = 2000


@dataclass(frozen=True)
class Material:
    """Everything a verdict is made of. `in_stretch`: how many predictions the stretch holds, `rows` being drawn from
    them; `hours`: the version's own earlier traffic at the same hours, where there is enough of it."""

    version: ModelVersion
    stretch: Stretch
    in_stretch: int
    rows: Sequence[Prediction]
    known: Known | NoReference
    hours: Hours | None
    minimum: int


@dataclass(frozen=True, eq=False)
class Checked:
    """A window as it is kept, and what it was judged by (None where there was nothing to judge)."""

    window: NewWindow
    judged: Judged | None = None


def drawn(ids: Sequence[str], stretch: Stretch, most: int = MOST_PICTURES) -> list[str]:
    """The ids to judge of all in a stretch, in their order."""
    if len(ids) <= most:
        return list(ids)
    chosen = np.random.default_rng(seed_of(stretch)).choice(len(ids), most, replace=False)
    return [ids[place] for place in np.sort(chosen)]


def seed_of(stretch: Stretch) -> int:
    """What every draw of a window's check starts from: a hash of what the window is."""
    text = "|".join(
        (*stretch.stream, *stretch.without, stretch.first_prediction_id, stretch.last_prediction_id)
    )
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def check(material: Material) -> Checked:
    """The verdict on the rows (one at least) of a stretch."""
    config = _config(material)
    if isinstance(material.known, NoReference):
        return Checked(_window(material, "too_few", {"reason": str(material.known)}, config))
    # the same picture sent again is no further evidence
    rows = list({row.picture_digest: row for row in material.rows}.values())
    seed = seed_of(material.stretch)
    against = material.hours.against if material.hours else _bundles(material.known, seed)
    judged = window_verdicts.judge(columns.of_predictions(rows), against, material.minimum, seed)
    config |= {
        "different_pictures": judged.different,
        "reference_pictures": len(against.table),
        "left_out": dict(judged.left_out),
    }
    values: dict[str, Any] = {name: test.as_json() for name, test in judged.tests.items()}
    if judged.reason:
        values = {"reason": judged.reason}
    return Checked(_window(material, judged.verdict, values, config), judged)


def report(checked: Checked, version: ModelVersion, now: datetime) -> NewReport | None:
    """The report of a window that was judged, with the same verdicts."""
    judged, window = checked.judged, checked.window
    if judged is None or judged.reason:
        return None
    from monitoring import drift

    about = {
        "model_version": str(version.number),
        "reference": version.bundle_digest,
        "kind": window.kind,
        "segment": window.segment,
        "first_prediction_id": window.first_prediction_id,
        "last_prediction_id": window.last_prediction_id,
    }
    made = drift.report(judged.window, judged.reference, judged.tests, about, now)
    return NewReport(drift.MADE_BY, made.body, made.html, made.script_sha256)


def digest_of(config: dict[str, Any]) -> str:
    """Of JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _bundles(known: Known, seed: int) -> window_verdicts.Against:
    table = columns.of_reference(
        known.reference, known.classes, window_verdicts.MOST_REFERENCE, seed
    )
    return window_verdicts.Against(table, known.reference.rank, len(known.reference.calibration))


def _config(material: Material) -> dict[str, Any]:
    stretch, how = material.stretch, rule.configuration() | {"minimum": material.minimum}
    ids = [row.id for row in material.rows]
    return {
        **how,
        "digest": digest_of(how),
        "seed": seed_of(stretch),
        "without": list(stretch.without),
        "bundle": material.version.bundle_digest,
        "hours": material.hours.as_json() if material.hours else None,
        "rows": {
            "in_stretch": material.in_stretch,
            "drawn": len(ids),
            "sha256": hashlib.sha256("|".join(ids).encode()).hexdigest(),
        },
    }


def _window(
    material: Material, verdict: str, values: dict[str, Any], config: dict[str, Any]
) -> NewWindow:
    stretch, rows = material.stretch, material.rows
    return NewWindow(
        model_version_id=stretch.model_version_id,
        segment=stretch.segment,
        first_prediction_id=stretch.first_prediction_id,
        last_prediction_id=stretch.last_prediction_id,
        starts_at=rows[0].created_at,
        ends_at=rows[-1].created_at,
        pictures=material.in_stretch,
        verdict=verdict,
        values=values,
        config=config,
        kind=stretch.kind,
    )
