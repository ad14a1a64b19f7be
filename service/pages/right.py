"""The page "Is it right?": how right the answers are, how that is known, and how sure it is.

It reads the rows that monitoring made of the audit and computes nothing of its own. The number stands with its
interval and what it was made from; where too few labels say anything there is no number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from service.dependencies import Moment, Reading, Reviewer
from service.pages import right_charts
from service.pages.rendering import page
from service.pages.right_charts import Drawn
from store import accuracies, models, rollouts
from store.database import Session
from store.errors import NotFound
from store.tables import Accuracy

router = APIRouter(include_in_schema=False)

# of which the course is drawn
DAYS = timedelta(days=90)
LEAST_EFFECTIVE = 30


@dataclass(frozen=True)
class Slice:
    """One row of a table: its name, the row, and where its interval is drawn (None: too few labels)."""

    name: str
    row: Accuracy
    drawn: Drawn | None


@router.get("/right")
def right(
    request: Request, found: Reviewer, session: Reading, now: Moment, version: int | None = None
) -> Response:
    """One version (`version` is its number, 0 for all together), by default the one that answers."""
    newest = accuracies.newest(session)
    numbers = {
        one: models.get(session, one).number
        for one in {row.model_version_id for row in newest}
        if one is not None
    }
    wanted = _wanted(session, numbers, version)
    overall = next((row for row in newest if _is(row, wanted, "all")), None)
    history = accuracies.history(session, wanted, now - DAYS) if overall else []
    scope = [row for row in newest if row.model_version_id == wanted]
    every = [row for row in newest if row.slice_kind == "all" and row.model_version_id is not None]
    on = right_charts.axis(row.low for row in [*scope, *every])
    return page(
        request,
        "right.html",
        found,
        now=now,
        row=overall,
        drawn=right_charts.drawn(overall, on) if overall else None,
        marks=on.marks(),
        number=numbers.get(wanted) if wanted else None,
        versions=sorted(numbers.values(), reverse=True),
        groups=_groups(scope, every, numbers, on),
        history=history,
        course=right_charts.course(history),
        least=LEAST_EFFECTIVE,
    )


def _wanted(session: Session, numbers: dict[str, int], version: int | None) -> str | None:
    """The id of the version that is meant; None for all together. Raises NotFound."""
    if version is None:
        incumbent = rollouts.live(session).incumbent
        return incumbent.version_id if incumbent and incumbent.version_id in numbers else None
    if version == 0:
        return None
    for one, number in numbers.items():
        if number == version:
            return one
    raise NotFound(f"Version {version} gave no answers in the days that were looked at.")


def _is(row: Accuracy, version: str | None, kind: str) -> bool:
    return row.model_version_id == version and row.slice_kind == kind


def _groups(
    scope: Sequence[Accuracy],
    every: Sequence[Accuracy],
    numbers: dict[str, int],
    on: right_charts.Axis,
) -> list[tuple[str, list[Slice]]]:
    """The tables: by class, by segment, by version; a table without rows is left out."""

    def slices(rows: Sequence[Accuracy], names: Sequence[str]) -> list[Slice]:
        pairs = zip(names, rows, strict=True)
        return [Slice(name, row, right_charts.drawn(row, on)) for name, row in pairs]

    tables = []
    for kind in ("class", "segment"):
        rows = [row for row in scope if row.slice_kind == kind]
        tables.append((kind, slices(rows, [row.slice_name for row in rows])))
    ordered = sorted(every, key=lambda row: -numbers[row.model_version_id or ""])
    names = [f"Version {numbers[row.model_version_id or '']}" for row in ordered]
    tables.append(("version", slices(ordered, names)))
    return [(kind, rows) for kind, rows in tables if rows]
