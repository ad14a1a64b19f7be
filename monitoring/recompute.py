"""Compute a window's verdict again from its row, and say whether it is the same, bit for bit.

The row says which predictions, which bundle, which earlier traffic, which rule and which seed; everything else is read
again. What is gone (retention) or was judged by another rule cannot be computed again, and that is said.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from monitoring import checking, hours, paging, rule
from monitoring.checking import Material
from monitoring.due import Stretch
from monitoring.hours import Hours
from monitoring.paging import Budget
from monitoring.references import Known, NoReference, References
from store import models, slices, windows
from store.database import Database, Session
from store.tables import Window


@dataclass(frozen=True)
class Recomputed:
    """Whether everything is as it was kept, in a sentence for people."""

    same: bool
    sentence: str


class _Gone(Exception):
    """Why it cannot be computed again."""


def window(database: Database, references: References, window_id: str) -> Recomputed:
    """Raises NotFound when there is no such window."""
    with database.read() as session:
        kept = windows.get(session, window_id)
        try:
            material = _material(session, references, kept)
        except _Gone as gone:
            return Recomputed(False, f"Window {kept.id} cannot be computed again: {gone}")
        again = checking.check(material).window
        pages = _pages(session, kept)
    differences = [
        name
        for name, was, now in (
            ("verdict", kept.verdict, again.verdict),
            ("values", kept.values, _plain(again.values)),
            ("configuration", _without_budget(kept.config), _plain(again.config)),
            ("budget", kept.config.get("budget"), pages),
        )
        if was != now
    ]
    if differences:
        return Recomputed(False, f"Window {kept.id} differs in its {' and '.join(differences)}.")
    told = f"{kept.verdict}, {len(material.rows)} predictions, seed {kept.config['seed']}"
    return Recomputed(True, f"Window {kept.id} is the same, bit for bit: {told}.")


def _material(session: Session, references: References, kept: Window) -> Material:
    minimum = kept.config.get("minimum")
    how = rule.configuration() | {"minimum": minimum}
    if kept.config.get("digest") != checking.digest_of(how):
        made = kept.config.get("rule", "an unknown one")
        raise _Gone(f"it was judged by another rule ({made}) than this program's ({rule.NAME}).")
    stretch = Stretch.of_window(kept)
    ends = stretch.first_prediction_id, stretch.last_prediction_id
    ids = slices.ids_between(session, stretch.slice, *ends)
    rows = slices.rows(session, checking.drawn(ids, stretch))
    was, digest = kept.config["rows"], sha256("|".join(row.id for row in rows).encode()).hexdigest()
    if (len(ids), digest) != (was["in_stretch"], was["sha256"]):
        raise _Gone(f"of its {was['in_stretch']} predictions {len(ids)} are left.")
    if any(row.features is None and row.feature_score is not None for row in rows):
        raise _Gone("the features of its predictions have gone by their age.")
    version = models.get(session, kept.model_version_id)
    known: Known | NoReference
    try:
        known = references.of(version.bundle_digest)
    except NoReference as none:
        if kept.values.get("reason") != str(none):
            raise _Gone(str(none)) from none
        known = none
    earlier = _hours(session, kept)
    return Material(version, stretch, len(ids), rows, known, earlier, minimum or 0)


def _hours(session: Session, kept: Window) -> Hours | None:
    was = kept.config["hours"]
    if was is None:
        return None
    earlier = hours.of_windows(session, [windows.get(session, one) for one in was["windows"]])
    if earlier.digest != was["sha256"] or earlier.features_gone:
        raise _Gone(
            "of the earlier traffic it was compared with, predictions or features are gone."
        )
    return earlier


def _pages(session: Session, kept: Window) -> dict[str, Any] | None:
    was = kept.config.get("budget")
    if was is None:
        return None
    day = Budget(was["pages_a_day"], was["windows_a_day"])
    spent = paging.spend(kept, paging.run_before(session, kept, kept.created_at), day)
    return {**vars(day), **spent.as_json()}


def _without_budget(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "budget"}


def _plain(value: Any) -> Any:
    """As a database gives JSON back."""
    return json.loads(json.dumps(value))
