"""Work that a program must do: rows with a lock token, and the one loop that does them.

A job is added in the transaction of its cause. It is claimed in one short transaction, done with none open, kept
alive by a heartbeat, and finished only with its own token: whoever was taken for dead cannot finish it any more.
It carries ids and may run twice. What fails is tried a few times; what its worker's death or a database that went away
or a full disk has cut off is no failure of its own, is counted apart and tried more often. This is the second door that commits.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from store import room
from store.database import Database
from store.errors import Conflict, NotFound, StoreError, Unavailable
from store.ids import new_id
from store.tables import Job

_log = structlog.get_logger("jobs")
LEASE_SECONDS = 30.0
# done in seconds: taken over after a share of the lease
SHORT, SHORT_SHARE = frozenset({"window"}), 0.2
# after a full disk, which somebody has to free: times how often it was, so that the last try is after two hours
FULL_SECONDS = 300
# of a job: a machine that is started again is no fault of it, one that ends each worker is
MOST_CUT_OFF = 7
# kinds of which one runs at a time, whoever claims it
ALONE = frozenset({"train"})
# the columns of a job that is in nobody's hands
_FREE = {"turn": None, "lock_token": None, "lock_until": None}


@dataclass(frozen=True)
class Claimed:
    """A job in one worker's hands."""

    id: str
    kind: str
    payload: dict[str, Any]
    token: str
    attempt: int


def lease_seconds(kind: str) -> float:
    """How long a job is its worker's without a sign of life from it."""
    return LEASE_SECONDS * (SHORT_SHARE if kind in SHORT else 1.0)


class Lost(Exception):
    """The job's lock lapsed and somebody else may do it now: stop, and write nothing."""


def add(
    session: Session,
    kind: str,
    payload: dict[str, Any],
    now: datetime,
    *,
    asked_by: str,
    due_at: datetime | None = None,
    max_attempts: int = 3,
) -> Job:
    """Ask for a piece of work, in the transaction of its cause."""
    job = Job(
        id=new_id(now),
        kind=kind,
        payload=payload,
        status="todo",
        due_at=due_at or now,
        attempts=0,
        max_attempts=max_attempts,
        progress={},
        asked_by=asked_by,
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def unfinished(session: Session, kind: str) -> Sequence[Job]:
    """Jobs of a kind that wait or are being done, oldest first."""
    found = select(Job).where(Job.kind == kind, Job.status.in_(("todo", "doing"))).order_by(Job.id)
    return session.scalars(found).all()


def newest(session: Session, kind: str, limit: int = 10) -> Sequence[Job]:
    """The newest jobs of a kind, newest first."""
    found = select(Job).where(Job.kind == kind).order_by(Job.id.desc()).limit(limit)
    return session.scalars(found).all()


def get(session: Session, job_id: str) -> Job:
    """Raises NotFound."""
    if (job := session.get(Job, job_id)) is None:
        raise NotFound("There is no such job.")
    return job


def claim(database: Database, kinds: Sequence[str], worker: str, now: datetime) -> Claimed | None:
    """Take the oldest due job of these kinds, or one whose worker is dead; None when there is none.

    A job that was cut off more often than it may be is marked as failed on the way.
    """
    try:
        with database.write() as session:
            return _claim(session, kinds, worker, now)
    except Conflict:
        return None  # another worker took the one turn of this kind in the same moment


def beat(
    database: Database, job: Claimed, now: datetime, progress: dict[str, Any] | None = None
) -> None:
    """Hold the job longer, and say how far it is. Raises Lost."""
    values: dict[str, Any] = {"lock_until": now + timedelta(seconds=lease_seconds(job.kind))}
    if progress is not None:
        values["progress"] = progress
    with database.write() as session:
        _guarded(session, job, values)


def finish(session: Session, job: Claimed, result: dict[str, Any], now: datetime) -> None:
    """Finish in the transaction that keeps the job's outcome. Raises Lost, and then nothing of it is kept."""
    _guarded(session, job, {"status": "done", "result": result, "finished_at": now, **_FREE})


def fail(
    database: Database,
    job: Claimed,
    error: str,
    now: datetime,
    *,
    final: bool = False,
    cut_off: bool = False,
    no_room: bool = False,
) -> None:
    """Give a job up: it is due again later, or failed for good when `final` or when tried too often. Raises Lost.

    `cut_off`: by what is not its own fault, so that this was no try; `no_room`: by a full disk, which takes longer.
    """
    with database.write() as session:
        row = session.get_one(Job, job.id)
        attempts, times = row.attempts - cut_off, row.cut_off + cut_off
        over = final or attempts >= row.max_attempts or times > MOST_CUT_OFF
        wait = 10 * (1 + times) if cut_off else 10 * 2**attempts
        if no_room and job.kind not in SHORT:
            wait = FULL_SECONDS * times
        values = {
            "status": "failed" if over else "todo",
            "attempts": attempts,
            "cut_off": times,
            "error": error[:2000],
            "due_at": now + timedelta(seconds=wait),
            "finished_at": now if over else None,
        }
        _guarded(session, job, {**values, **_FREE})


def give_back(
    database: Database, job: Claimed, now: datetime, payload: dict[str, Any] | None = None
) -> None:
    """Leave the job to the next worker at once, as if it had not been tried. Raises Lost.

    With a `payload` the next one goes on from what that says.
    """
    values = {"status": "todo", "due_at": now, "attempts": job.attempt - 1, "progress": {}}
    if payload is not None:
        values["payload"] = payload
    with database.write() as session:
        _guarded(session, job, {**values, **_FREE})


Work = Callable[[Claimed, "Hold"], None]


class Hold:
    """Keeps a claimed job alive from a thread of its own meanwhile; `check` says whether it was lost."""

    def __init__(self, database: Database, job: Claimed, clock: Callable[[], datetime]) -> None:
        self._database, self._job, self._clock = database, job, clock
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"hold-{job.kind}", daemon=True)

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raises Lost when the job is in other hands."""
        if self._lost.is_set():
            raise Lost(self._job.id)

    def progress(self, **what: Any) -> None:
        """Say how far it is, for the pages. Raises Lost."""
        self.check()
        beat(self._database, self._job, self._clock(), what)

    def _beat(self) -> None:
        while not self._over.wait(lease_seconds(self._job.kind) / 3):
            try:
                beat(self._database, self._job, self._clock())
            except Lost:
                self._lost.set()
                return
            except Exception as error:  # noqa: BLE001  # away for a moment, or worse; the lease is three beats long
                _log.warning("no beat", job=self._job.id, why=type(error).__name__)


def run(
    database: Database,
    work: Mapping[str, Work],
    worker: str,
    clock: Callable[[], datetime],
    stop: threading.Event,
    *,
    idle_seconds: float = 1.0,
    failed: Callable[[Claimed, Exception], None] | None = None,
) -> None:
    """The loop: claim, do, finish, until `stop` is set. A job's function finishes it itself (`finish`)."""
    while not stop.is_set():
        try:
            if job := claim(database, list(work), worker, clock()):
                do(database, job, work[job.kind], clock, failed)
                continue
        except Exception as error:  # noqa: BLE001  # the database is away, or worse: the worker goes on
            _log.warning(
                "no job", why=type(error).__name__, exc_info=not isinstance(error, StoreError)
            )
        stop.wait(idle_seconds)


def do(
    database: Database,
    job: Claimed,
    work: Work,
    clock: Callable[[], datetime],
    failed: Callable[[Claimed, Exception], None] | None = None,
) -> None:
    """Do one claimed job: hold it, and give it up when it fails."""
    try:
        with Hold(database, job, clock) as hold:
            work(job, hold)
    except Lost:
        return
    except Exception as error:  # noqa: BLE001  # a job that fails must not end the worker
        if failed is not None:
            failed(job, error)
        try:
            away = isinstance(error, Unavailable)
            full = isinstance(error, Unavailable) and room.is_full(error)
            said = str(error) if away else f"{type(error).__name__}: {error}"
            fail(database, job, said, clock(), cut_off=away, no_room=full)
        except (Lost, StoreError):
            return


def _claim(session: Session, kinds: Sequence[str], worker: str, now: datetime) -> Claimed | None:
    taken = set(
        session.scalars(select(Job.turn).where(Job.turn.is_not(None), Job.status == "doing"))
    )
    waiting = and_(Job.status == "todo", Job.due_at <= now, Job.kind.not_in(taken))
    dead = and_(Job.status == "doing", Job.lock_until <= now)
    while True:
        job = session.scalar(
            select(Job)
            .where(Job.kind.in_(kinds), or_(waiting, dead))
            .order_by(Job.due_at, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        died = job.status == "doing"
        job.cut_off += died
        if job.cut_off <= MOST_CUT_OFF:
            break
        job.status, job.finished_at, job.turn, job.lock_token = "failed", now, None, None
        job.error = "The worker died each time that it was tried."
        session.flush()
    job.status, job.locked_by = "doing", worker
    # the worker that died had begun this try
    job.attempts += not died
    job.lock_token, job.lock_until = new_id(now), now + timedelta(seconds=lease_seconds(job.kind))
    job.turn = job.kind if job.kind in ALONE else None
    session.flush()
    return Claimed(job.id, job.kind, dict(job.payload), job.lock_token, job.attempts)


def _guarded(session: Session, job: Claimed, values: dict[str, Any]) -> None:
    changed = session.execute(
        update(Job)
        .where(Job.id == job.id, Job.status == "doing", Job.lock_token == job.token)
        .values(**values)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result has it
        raise Lost(job.id)
