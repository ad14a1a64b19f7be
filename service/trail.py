"""The audit trail: every rollout event and every privileged act in one list, as CSV or JSON, for page, API and command.

Oldest first, so that a later export begins as an earlier one did. Nothing is left out and nothing is changed here.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from store import models, privileged_acts, rollout_events
from store.database import Session

Format = Literal["csv", "json"]
COLUMNS = (
    "at", "kind", "act", "subject", "actor_kind", "actor", "reason", "from_stage", "to_stage", "share", "scope",
    "evidence", "decision_id", "detail",
)  # fmt: skip
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def export(session: Session, form: Format, since: datetime | None = None) -> str:
    """The whole trail, or what came at or after `since`."""
    rows = sorted(_rows(session, since), key=lambda one: (one["at"], one["kind"], one["act"]))
    return _as_csv(rows) if form == "csv" else json.dumps(rows, indent=1, sort_keys=True)


def _rows(session: Session, since: datetime | None) -> Iterator[dict[str, Any]]:
    for event, version_id in rollout_events.all_since(session, since):
        yield {
            "at": event.at.isoformat(),
            "kind": "rollout",
            "act": event.move,
            "subject": f"version {models.get(session, version_id).number}",
            "actor_kind": event.actor_kind,
            "actor": event.actor,
            "reason": event.reason,
            "from_stage": event.from_stage,
            "to_stage": event.to_stage,
            "share": event.share,
            "scope": event.scope,
            "evidence": event.evidence,
            "decision_id": event.decision_id,
            "detail": {"event": event.id, "rollout": event.rollout_id},
        }
    for act in privileged_acts.since(session, since):
        row = dict.fromkeys(COLUMNS)
        detail = dict(act.detail)
        row.update(
            at=act.at.isoformat(), kind="act", act=act.act, subject=act.subject, actor=act.actor,
            actor_kind=detail.get("actor_kind"), reason=detail.get("reason"), detail=detail,
        )  # fmt: skip
        yield row


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
    return written.getvalue()


def _cell(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
    # a spreadsheet would run what begins like a formula, and reasons are anybody's words
    return (
        f"'{text}"
        if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r")
        else text
    )
