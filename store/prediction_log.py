"""The prediction log's writer: many requests in flight, one commit.

A request hands its entry over and waits; the writer takes whatever is waiting, writes it in one transaction and
wakes everyone. While one commit is on its way to the disk the next batch gathers by itself, so there is no timer.
A batch that fails is tried again entry by entry: one bad entry hurts one request, also one whose rows a process holds
that hangs, or whose model was stopped while it waited. Other processes commit in milliseconds, so that nobody here waits long for their locks.
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.orm import Session

from store import pictures, reviews
from store.database import BUSY, Database, insert_new
from store.errors import Conflict, Invalid, NotFound, StoreError, Unavailable
from store.ids import new_id
from store.log_entries import Entry, FirstAnswer, LateShadow, NewPrediction, NewShadow
from store.tables import AwaitedShadow, IdempotencyKey, Prediction, ShadowAnswer

__all__ = ["Entry", "FirstAnswer", "LateShadow", "NewPrediction", "NewShadow", "PredictionLog"]

IDEMPOTENCY_HOURS = 24
# of an Unavailable: the model was stopped before its answer was kept
STOPPED = "model_stopped"
# of an Unavailable: its time was over before it was kept
TOO_LATE = "too_late"
# from the hand-over to the commit; who reads the log by ids relies on it that nothing older appears there
LATEST_SECONDS = 15.0
# for the locks of other processes: a batch for each of them, then its entries for all of them together
BATCH_LOCK_SECONDS, ALONE_LOCK_SECONDS, LEAST_LOCK_SECONDS = 1.0, 0.5, 0.01


@dataclass(frozen=True)
class _Handed:
    entry: Entry | LateShadow
    done: Future[None]
    at: float  # monotonic seconds


class PredictionLog:
    """Start it with the program, stop it at the end; `keep` may be called by any thread in between."""

    def __init__(
        self,
        database: Database,
        *,
        largest_batch: int = 64,
        wait_seconds: float = 10.0,
        latest_seconds: float = LATEST_SECONDS,
    ) -> None:
        self._database = database
        self._largest_batch = largest_batch
        self._wait_seconds = wait_seconds
        self._latest_seconds = latest_seconds
        self._waiting: queue.SimpleQueue[_Handed | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._stopped = False
        self._failing = False
        self._door = threading.Lock()  # nothing is handed over behind the writer's last look

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then end."""
        with self._door:
            self._stopped = True
            self._waiting.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the writer goes on."""
        return self._thread.is_alive()

    @property
    def failing(self) -> bool:
        """Whether the last entries could not be written since the database was away, busy or full."""
        return self._failing

    def keep(self, entry: Entry) -> None:
        """Return when the entry is committed.

        Raises Unavailable when the database did not take it in time: then it is not in the log, unless the
        connection broke or fell silent in the very commit, which nobody can know. Unavailable with code `model_stopped`
        when it may not be given any more, Conflict with code `idempotency_twin` when another request with the same key
        was first.
        """
        done = self._hand_over(entry)
        try:
            done.result(self._wait_seconds)
        except WaitTimeout:
            if done.cancel():
                raise Unavailable("The database does not answer.", "database_unavailable") from None
            # the writer has it in hand, and the limits of the database's statements bound how long
            try:
                done.result(self._latest_seconds)
            except WaitTimeout:
                raise Unavailable("The database does not answer.", "database_unavailable") from None

    def add(self, late: LateShadow) -> None:
        """Hand it over and wait for nothing: who was answered does not depend on it. Raises Unavailable at the end."""
        self._hand_over(late)

    def _hand_over(self, entry: Entry | LateShadow) -> Future[None]:
        done: Future[None] = Future()
        with self._door:
            if self._stopped:
                raise Unavailable("The service is stopping.", "stopping")
            self._waiting.put(_Handed(entry, done, monotonic()))
        return done

    def _work(self) -> None:
        running = True
        while running:
            batch, running = self._next_batch()
            if batch:
                self._write(batch)

    def _next_batch(self) -> tuple[list[_Handed], bool]:
        batch: list[_Handed] = []
        while len(batch) < self._largest_batch:
            try:
                waiting = self._waiting.get(block=not batch)
            except queue.Empty:
                break
            if waiting is None:
                return batch, False
            if waiting.done.set_running_or_notify_cancel():
                batch.append(waiting)
        return batch, True

    def _write(self, batch: list[_Handed], lock_seconds: float = BATCH_LOCK_SECONDS) -> None:
        oldest = min(one.at for one in batch)
        error = self._commit([one.entry for one in batch], oldest, lock_seconds)
        self._failing = _is_failure(error)
        if error is None or len(batch) == 1 or _is_of_all(error):
            for one in batch:
                _tell(one, error)
        elif isinstance(error, Unavailable) and error.code == TOO_LATE:
            self._write_later(batch, error, lock_seconds)
        else:
            self._write_alone(batch)

    def _write_later(self, batch: list[_Handed], error: Exception, lock_seconds: float) -> None:
        """Those that came later have time."""
        began = monotonic() - self._latest_seconds
        rest = [one for one in batch if one.at >= began]
        for one in batch:
            if one.at < began:
                _tell(one, error)
        if rest:
            self._write(rest, lock_seconds)

    def _write_alone(self, batch: list[_Handed]) -> None:
        left = ALONE_LOCK_SECONDS
        for one in batch:
            began = monotonic()
            self._write([one], max(left, LEAST_LOCK_SECONDS))
            left -= monotonic() - began

    def _commit(
        self, entries: Sequence[Entry | LateShadow], oldest: float, lock_seconds: float
    ) -> Exception | None:
        try:
            with self._database.write(lock_seconds) as session:
                _add(session, entries)
                # its id was given long ago, and who reads the log in the order of ids has passed it by now
                if monotonic() - oldest > self._latest_seconds:
                    raise Unavailable("The database took too long.", TOO_LATE)
                if not all(one.still() for one in entries if isinstance(one, Entry)):
                    raise Unavailable("The model was stopped before its answer was kept.", STOPPED)
        except StoreError as error:
            return error
        except Exception as error:  # noqa: BLE001  # it belongs to the request that waits for it, not to this thread
            return error
        return None


def _tell(one: _Handed, error: Exception | None) -> None:
    if error is None:
        one.done.set_result(None)
    else:
        one.done.set_exception(error)


def _is_of_all(error: Exception) -> bool:
    """Whether no entry of a batch can be kept, and none needs to be tried for itself."""
    return isinstance(error, Unavailable) and error.code not in (BUSY, STOPPED, TOO_LATE)


def _is_failure(error: Exception | None) -> bool:
    """Whether it says that nothing can be written, and not only that this entry cannot."""
    if isinstance(error, Unavailable):
        return error.code != STOPPED
    return error is not None and not isinstance(error, Conflict | Invalid | NotFound)


_AWAITED = AwaitedShadow.metadata.tables[AwaitedShadow.__tablename__]
_HEARD = delete(_AWAITED).where(
    _AWAITED.c.prediction_id == bindparam("prediction"),
    _AWAITED.c.model_version_id == bindparam("version"),
)
_COLUMNS = [field.name for field in fields(NewPrediction)]


def _add(session: Session, entries: Sequence[Entry | LateShadow]) -> None:
    whole = [one for one in entries if isinstance(one, Entry)]
    if whole:
        _add_predictions(session, whole)
    late = [one for one in entries if isinstance(one, LateShadow)]
    shadows = [
        _shadow(one.prediction.id, one.prediction.created_at, shadow)
        for one in whole
        for shadow in one.shadows
    ]
    shadows += [
        _shadow(one.prediction_id, one.created_at, one.shadow) for one in late if one.shadow
    ]
    if shadows:
        session.execute(insert(ShadowAnswer), shadows)
    _note_awaited(session, whole, late)
    for one in late:
        if one.review is not None:
            reviews.open_review(session, one.review, one.created_at)
    session.flush()


def _add_predictions(session: Session, entries: Sequence[Entry]) -> None:
    now = entries[0].prediction.created_at
    # all rows in one order before any purpose is raised: two processes never wait for each other
    pictures.record(session, [one.picture for one in entries], "training", now)
    audited = [one.picture for one in entries if one.prediction.audited]
    pictures.record(session, audited, "audit", now)
    rows = [{name: getattr(one.prediction, name) for name in _COLUMNS} for one in entries]
    session.execute(insert(Prediction), rows)
    asked = [(one.review, one.prediction.created_at) for one in entries if one.review is not None]
    reviews.open_first(session, asked)
    for one in entries:
        if one.first_answer is not None:
            _remember(session, one.prediction, one.first_answer)


def _note_awaited(session: Session, whole: Sequence[Entry], late: Sequence[LateShadow]) -> None:
    asked = [(one.prediction.id, version) for one in whole for version in one.awaited]
    heard = [(one.prediction_id, one.model_version_id) for one in late]
    # most answers of a candidate are late: without the ORM these two cost nothing that could be measured
    connection = session.connection()
    if asked:
        connection.execute(
            insert(_AWAITED), [{"prediction_id": one, "model_version_id": by} for one, by in asked]
        )
    if heard:
        connection.execute(_HEARD, [{"prediction": one, "version": by} for one, by in heard])


def _shadow(prediction_id: str, created_at: datetime, shadow: NewShadow) -> dict[str, Any]:
    return {
        **vars(shadow),
        "id": new_id(created_at),
        "prediction_id": prediction_id,
        "created_at": created_at,
    }


def _remember(session: Session, prediction: NewPrediction, first: FirstAnswer) -> None:
    whose = (IdempotencyKey.consumer_id == prediction.consumer_id, IdempotencyKey.key == first.key)
    session.execute(
        delete(IdempotencyKey).where(
            *whose,
            IdempotencyKey.created_at <= prediction.created_at - timedelta(hours=IDEMPOTENCY_HOURS),
        )
    )
    row = {
        "consumer_id": prediction.consumer_id,
        "key": first.key,
        "request_sha256": first.request_sha256,
        "prediction_id": prediction.id,
        "answer": first.answer,
        "created_at": prediction.created_at,
    }
    # by what the database says after the insert: the twin may be in another process
    if not insert_new(session, IdempotencyKey, [row]):
        raise Conflict("Another request with this Idempotency-Key was first.", "idempotency_twin")
