"""Rows that go by their age, and what keeps a row however old it is.

A prediction stays while anything that lasts stands on it: a review with its labels, what the consumer said back, an
answer that is still owed, the comparison with a candidate that is on its way, a check that was asked for. Windows'
verdicts, alarms, decisions, pairs, accuracy, labels, training sets and days stay for good. A picture stays while any
row names it. Pages of ids in the order of time, so that a batch is one short transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from store.database import insert_new
from store.tables import (
    AwaitedShadow,
    ClassGuide,
    Delivery,
    DuplicateGroup,
    Feedback,
    GoldenLabel,
    IdempotencyKey,
    Job,
    Prediction,
    Report,
    RetiredPicture,
    Review,
    Rollout,
    SeenAnswer,
    ShadowAnswer,
    StoredPicture,
    TrainingRow,
)

PAGE = 500
# jobs of which nothing but a line in a list is left when they are done
_PASSING = ("window", "accuracy", "evidence", "retention", "webhooks")


@dataclass(frozen=True)
class Gone:
    """What a batch took, or would take: rows by table, and pictures with their bytes."""

    predictions: int = 0
    pictures: int = 0
    picture_bytes: int = 0
    features: int = 0
    reports: int = 0
    other: int = 0

    def __add__(self, more: "Gone") -> "Gone":
        return Gone(*(getattr(self, name) + getattr(more, name) for name in vars(self)))


def page(session: Session, before: datetime, after_id: str) -> list[str]:
    """The next ids of predictions made before `before`, in the order of time."""
    return list(
        session.scalars(
            select(Prediction.id)
            .where(Prediction.id > after_id, Prediction.created_at < before)
            .order_by(Prediction.id)
            .limit(PAGE)
        )
    )


def take_predictions(session: Session, ids: Sequence[str], now: datetime, dry: bool) -> Gone:
    """Those of `ids` that nothing needs, with what hangs on them and pictures that nothing names then."""
    rows = session.execute(
        select(Prediction.id, Prediction.picture_digest).where(
            Prediction.id.in_(ids), ~or_(*_needed(session))
        )
    ).all()
    taken = [identity for identity, _ in rows]
    digests = sorted({digest for _, digest in rows})
    if not dry:
        for table in (ShadowAnswer, AwaitedShadow, IdempotencyKey):
            session.execute(delete(table).where(table.prediction_id.in_(taken)))
        session.execute(delete(Prediction).where(Prediction.id.in_(taken)))
    return Gone(predictions=len(taken)) + _pictures(session, digests, taken, now, dry)


def take_features(session: Session, ids: Sequence[str], _now: datetime, dry: bool) -> Gone:
    """Empty the projected features of these predictions: what a window is computed from."""
    chosen = Prediction.id.in_(ids), Prediction.features.is_not(None)
    found = session.scalar(select(func.count()).select_from(Prediction).where(*chosen)) or 0
    if not dry and found:
        session.execute(update(Prediction).where(*chosen).values(features=None))
    return Gone(features=found)


def take_passing(session: Session, before: datetime, dry: bool) -> Gone:
    """A batch of reports, of deliveries that are done and of jobs that nothing names, older than `before`."""
    reports = list(session.scalars(select(Report.id).where(Report.created_at < before).limit(PAGE)))
    told = select(Delivery.id).where(
        Delivery.created_at < before,
        or_(Delivery.delivered_at.is_not(None), Delivery.given_up_at.is_not(None)),
    )
    deliveries = list(session.scalars(told.limit(PAGE)))
    done = select(Job.id).where(
        Job.kind.in_(_PASSING), Job.status.in_(("done", "failed")), Job.finished_at < before
    )
    works = list(session.scalars(done.limit(PAGE)))
    if not dry:
        session.execute(delete(Report).where(Report.id.in_(reports)))
        session.execute(delete(Delivery).where(Delivery.id.in_(deliveries)))
        session.execute(delete(Job).where(Job.id.in_(works)))
    return Gone(reports=len(reports), other=len(deliveries) + len(works))


def count_passing(session: Session, before: datetime) -> Gone:
    """How many rows `take_passing` would take in all."""
    reports = session.scalar(select(func.count()).where(Report.created_at < before)) or 0
    deliveries = session.scalar(
        select(func.count()).where(
            Delivery.created_at < before,
            or_(Delivery.delivered_at.is_not(None), Delivery.given_up_at.is_not(None)),
        )
    )
    works = session.scalar(
        select(func.count()).where(
            Job.kind.in_(_PASSING), Job.status.in_(("done", "failed")), Job.finished_at < before
        )
    )
    return Gone(reports=reports, other=(deliveries or 0) + (works or 0))


def _needed(session: Session) -> list[ColumnElement[bool]]:
    on_its_way = select(Rollout.model_version_id).where(Rollout.on_its_way.is_(True))
    compared = ShadowAnswer.prediction_id == Prediction.id
    needs: list[ColumnElement[bool]] = [
        exists().where(Review.prediction_id == Prediction.id),
        exists().where(Feedback.prediction_id == Prediction.id),
        Prediction.status == "pending",
        Prediction.audited.is_(True),
        # where no model looked the comparison would be unknown, and what is unknown would stay for good
        func.coalesce(Prediction.model_version_id, "").in_(on_its_way),
        exists().where(compared, ShadowAnswer.model_version_id.in_(on_its_way)),
    ]
    asked_for = select(Job.payload).where(Job.kind == "window", Job.status.in_(("todo", "doing")))
    for payload in session.scalars(asked_for):
        first, last = payload.get("first_prediction_id"), payload.get("last_prediction_id")
        if first and last:
            needs.append(Prediction.id.between(first, last))
    return needs


def _pictures(
    session: Session, digests: Sequence[str], without: Sequence[str], now: datetime, dry: bool
) -> Gone:
    """Pictures that no row names but the predictions `without` (which are gone already, unless it is dry)."""
    shown = {digest for row in session.scalars(select(ClassGuide.examples)) for digest in row}
    named: list[Any] = [
        exists().where(
            Prediction.picture_digest == StoredPicture.digest, Prediction.id.not_in(without)
        ),
        *(
            exists().where(table.picture_digest == StoredPicture.digest)
            for table in (Review, TrainingRow, GoldenLabel)
        ),
    ]
    rows = session.execute(
        select(StoredPicture.digest, StoredPicture.group_id, StoredPicture.size_bytes).where(
            StoredPicture.digest.in_([one for one in digests if one not in shown]), ~or_(*named)
        )
    ).all()
    gone = [digest for digest, _, _ in rows]
    if not dry and gone:
        session.execute(delete(SeenAnswer).where(SeenAnswer.picture_digest.in_(gone)))
        session.execute(delete(StoredPicture).where(StoredPicture.digest.in_(gone)))
        session.execute(
            delete(DuplicateGroup).where(
                DuplicateGroup.id.in_({group for _, group, _ in rows}),
                ~exists().where(StoredPicture.group_id == DuplicateGroup.id),
                ~exists().where(TrainingRow.group_id == DuplicateGroup.id),
            )
        )
        # one that was sent again and is going again begins anew
        session.execute(delete(RetiredPicture).where(RetiredPicture.digest.in_(gone)))
        retired = [{"digest": digest, "retired_at": now} for digest in gone]
        insert_new(session, RetiredPicture, retired)
    return Gone(pictures=len(gone), picture_bytes=sum(size for _, _, size in rows))
