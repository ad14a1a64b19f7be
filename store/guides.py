"""The class guide: what each class means and what it looks like, for the people who label."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.tables import ClassGuide


def write(
    session: Session,
    class_name: str,
    definition: str,
    examples: Sequence[str],
    written_by: str,
    now: datetime,
) -> ClassGuide:
    """Append what is in force from now on; `examples` are digests of pictures."""
    guide = ClassGuide(
        class_name=class_name,
        definition=definition,
        examples=list(examples),
        written_by=written_by,
        created_at=now,
    )
    session.add(guide)
    session.flush()
    return guide


def in_force(session: Session) -> dict[str, ClassGuide]:
    """The newest guide by class name."""
    newest = select(func.max(ClassGuide.id)).group_by(ClassGuide.class_name)
    return {
        guide.class_name: guide
        for guide in session.scalars(select(ClassGuide).where(ClassGuide.id.in_(newest)))
    }
