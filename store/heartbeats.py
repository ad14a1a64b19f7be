"""Signs of life: each instance of a program says in a row of its own that it is alive.

A sign is a transaction of its own, so that it is there whatever becomes of the work beside it. Whether a program that
was heard of so long ago counts as alive is for the reader to say.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database import Database
from store.tables import Heartbeat


def beat(
    database: Database, program: str, instance: str, detail: dict[str, Any], now: datetime
) -> None:
    """Say that a program is alive."""
    with database.write() as session:
        row = session.get(Heartbeat, (program, instance))
        if row is None:
            session.add(Heartbeat(program=program, instance=instance, at=now, detail=detail))
        else:
            row.at, row.detail = now, detail


def last(session: Session) -> dict[str, datetime]:
    """When each program was last alive."""
    newest: dict[str, datetime] = {}
    for row in session.scalars(select(Heartbeat)):
        newest[row.program] = max(row.at, newest.get(row.program, row.at))
    return newest
