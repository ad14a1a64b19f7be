"""What the rows and the storage say of a world in which things died, against what consumers were told.

Asked when everything has come to rest. Nothing is concluded from a program's own words but how often a job was begun.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from monitoring import replaying
from store.database import Database, Session
from store.errors import StoreError
from store.objects import Objects
from store.pictures import PictureStore
from store.tables import (
    Backtest,
    Decision,
    Detector,
    IdempotencyKey,
    Job,
    ModelVersion,
    Prediction,
    Rollout,
    Window,
)
from tests.crash.evidence import pairs_missing, shadows
from tests.crash.load import SEGMENTS, Ledger, Told, reference
from tests.crash.world import World


@dataclass(frozen=True)
class Verdict:
    """Counts; all but the first five, `kept_unheard` and the shadows must be 0.

    `kept_unheard`: answers that are in the log although the service died before it could give them. Shadows: what became
    of the candidate's answers while one ran alongside, as `tests.crash.evidence.Shadows` has it. `trainings`: versions
    that jobs have registered.
    """

    acknowledged: int
    replayed: int
    backtests: int
    trainings: int
    windows: int
    lost: int
    doubled: int
    replays_differing: int
    jobs_twice: int
    jobs_failed: int
    window_gaps: int
    evidence_gaps: int
    decisions_differing: int
    kept_unheard: int
    shadow_answered: int
    shadow_unheard: int
    shadow_left_out: int

    @property
    def harm(self) -> dict[str, int]:
        """What must not be, as far as there is any."""
        allowed = (
            "acknowledged", "replayed", "backtests", "trainings", "windows", "kept_unheard"
        )  # fmt: skip
        found = {name: n for name, n in vars(self).items() if n and name not in allowed}
        return {name: n for name, n in found.items() if not name.startswith("shadow_")}


def judge(world: World, ledger: Ledger) -> Verdict:
    """Look at everything once."""
    with world.database.read() as session:
        numbers = _numbers(session)
        beside = shadows(session, {json.loads(one.body)["id"] for one in ledger.told})
        verdict = Verdict(
            acknowledged=len(ledger.told),
            replayed=ledger.replayed,
            backtests=_count(session, Backtest),
            trainings=_count(session, ModelVersion, ModelVersion.job_id.is_not(None)),
            windows=_count(session, Window),
            lost=_lost(session, world.storage, ledger.told),
            doubled=sum(count - 1 for count in numbers.values()),
            replays_differing=ledger.replays_differing + _answers_differing(session, ledger.told),
            jobs_twice=_done_twice(session) + _trained_twice(session),
            jobs_failed=_count(session, Job, Job.status != "done"),
            window_gaps=_window_gaps(session, world) + _due(session, world),
            evidence_gaps=pairs_missing(session) + _unread(session) + beside.contradicted,
            decisions_differing=0,
            kept_unheard=len(numbers) - len(ledger.told),
            shadow_answered=beside.answered,
            shadow_unheard=beside.unheard,
            shadow_left_out=beside.left_out,
        )
    differing = sum(bool(one.differences) for one in replaying.all_of(world.database))
    return Verdict(**{**vars(verdict), "decisions_differing": differing})


def at_rest(world: World) -> bool:
    """Whether every job is done and everything that came was looked at."""
    waiting = unrest(world)
    return waiting is not None and not any(waiting.values())


def unrest(world: World) -> dict[str, int] | None:
    """What still waits to be done, in counts; None while the database does not say."""
    try:
        with world.database.read() as session:
            return {
                "jobs": _count(session, Job, Job.status.in_(("todo", "doing"))),
                "pairs": pairs_missing(session),
                "unread": _unread(session),
                "windows": _due(session, world),
            }
    except StoreError:
        return None


_DONE = Job.status == "done"
# what a decision has seen of a candidate
_COUNTED = ("pairs", "differing", "overdue", "waiting", "answers", "doubles", "actions")


def decided_twice(database: Database) -> int:
    """Decisions that say of the same rows what had been concluded from them already, however many came in between."""
    twice, concluded = 0, dict[tuple[str, int, str], Any]()
    with database.read() as session:
        for one in session.scalars(select(Decision).order_by(Decision.id)):
            seen = json.dumps([one.values[name] for name in _COUNTED], sort_keys=True)
            rows, act = (one.rollout_id, one.ids["step"], seen), one.values["act"]
            # what else may forbid a move can come, go and come again
            twice += concluded.get(rows) == act
            concluded[rows] = act
    return twice


def _numbers(session: Session) -> Counter[str]:
    """How often each request is in the log."""
    return Counter(
        session.scalars(select(Prediction.reference).where(Prediction.reference.like("r-%")))
    )


def _lost(session: Session, storage: Path, told: Sequence[Told]) -> int:
    """Answers that are not in the log as they were given, or whose picture is not there."""
    kept, pictures = PictureStore(Objects(str(storage))), dict[str, bool]()
    lost = 0
    for some in _parts(told):
        bodies = {one.number: json.loads(one.body) for one in some}
        ids = [body["id"] for body in bodies.values()]
        rows = {
            one.id: one for one in session.scalars(select(Prediction).where(Prediction.id.in_(ids)))
        }
        for one in some:
            body = bodies[one.number]
            row = rows.get(body["id"])
            if one.digest not in pictures:
                pictures[one.digest] = _is_kept(kept, one.digest)
            lost += row is None or not (
                row.reference == reference(one.number)
                and row.answer == body["label"]
                # of what people are asked consumers are told nothing that a model thought
                and body["confidence"] in (None, row.confidence)
                and body["probabilities"] in (None, row.probabilities)
                and row.picture_digest == one.digest
                and pictures[one.digest]
            )
        session.expunge_all()
    return lost


def _is_kept(kept: PictureStore, digest: str) -> bool:
    try:
        return hashlib.sha256(kept.read(digest)).hexdigest() == digest
    except StoreError:
        return False


def _answers_differing(session: Session, told: Sequence[Told]) -> int:
    """Keys whose kept first answer is not what was told."""
    given = {one.key: one.body for one in told if one.key is not None}
    kept = dict(session.execute(select(IdempotencyKey.key, IdempotencyKey.answer)).tuples().all())
    return sum(kept.get(key) != body for key, body in given.items())


def _done_twice(session: Session) -> int:
    """What jobs have left behind beyond one outcome for each that is done: windows, and backtests of each version."""
    windows = list(
        session.execute(
            select(Window.model_version_id, Window.segment, Window.kind, Window.first_prediction_id,
                   Window.last_prediction_id)
        ).tuples()
    )  # fmt: skip
    twice = len(windows) - len(set(windows))
    twice += max(0, len(set(windows)) - _count(session, Job, Job.kind == "window", _DONE))
    asked = Counter(
        str(one["model_version_id"])
        for one in session.scalars(select(Job.payload).where(Job.kind == "backtest", _DONE))
    )
    # a training compares what it has registered, once
    trained = select(ModelVersion.id).join(Job, Job.id == ModelVersion.job_id).where(_DONE)
    asked.update(session.scalars(trained))
    kept = Counter(session.scalars(select(Backtest.model_version_id)))
    return twice + sum(abs(kept[one] - asked[one]) for one in kept | asked)


def _trained_twice(session: Session) -> int:
    """Versions beyond the one of each training that is done, those that are missing, and rollouts beyond the first."""
    due = {
        one.id: int((one.result or {}).get("outcome") == "done")
        for one in session.scalars(select(Job).where(Job.kind == "train", _DONE))
    }
    by_job = Counter(
        session.scalars(select(ModelVersion.job_id).where(ModelVersion.job_id.is_not(None)))
    )
    opened = Counter(
        session.scalars(
            select(Rollout.model_version_id)
            .join(ModelVersion, ModelVersion.id == Rollout.model_version_id)
            .where(ModelVersion.job_id.is_not(None))
        )
    )
    # one that is not done is counted as such, and may have registered already
    versions = sum(abs(by_job[job] - times) for job, times in due.items())
    versions += sum(count - 1 for job, count in by_job.items() if job not in due)
    return versions + sum(count - 1 for count in opened.values())


def _window_gaps(session: Session, world: World) -> int:
    """Predictions by count that are in no window or in two of one stream, and windows that hold another number."""
    faults = 0
    streams: dict[tuple[str, str], list[Window]] = {}
    for one in session.scalars(
        select(Window).where(Window.kind == "count").order_by(Window.last_prediction_id)
    ):
        streams.setdefault((one.model_version_id, one.segment), []).append(one)
    for windows in streams.values():
        end = ""
        for one in windows:
            first, last = one.first_prediction_id, one.last_prediction_id
            faults += (
                _slice(session, one, Prediction.id >= first, Prediction.id <= last) != one.pictures
            )
            faults += first <= end
            faults += _slice(
                session, one, Prediction.id > end, Prediction.id < first,
                Prediction.created_at >= world.began,
            )  # fmt: skip
            end = last
    return faults


def _due(session: Session, world: World) -> int:
    """Streams in which a whole window has come that was not checked."""
    due = 0
    for segment in ("", *(one for one in SEGMENTS if one)):
        windows = select(func.max(Window.last_prediction_id)).where(
            Window.segment == segment, Window.kind == "count"
        )
        of = [
            Prediction.id > (session.scalar(windows) or ""),
            Prediction.model_version_id.is_not(None),
        ]
        if segment:
            of.append(Prediction.segment == segment)
        due += _count(session, Prediction, *of) >= world.window
    return due


def _slice(session: Session, window: Window, *conditions: Any) -> int:
    of = [Prediction.model_version_id == window.model_version_id, *conditions]
    if window.segment:
        of.append(Prediction.segment == window.segment)
    return _count(session, Prediction, *of)


def _unread(session: Session) -> int:
    """Pictures that the online detectors have not counted, or have counted twice, and cursors that stand elsewhere."""
    answered = session.execute(
        select(
            Prediction.model_version_id,
            func.count(Prediction.picture_digest.distinct()),
            func.max(Prediction.id),
        )
        .where(Prediction.inside.is_not(None), Prediction.model_version_id.is_not(None))
        .group_by(Prediction.model_version_id)
    )
    of_all = select(Detector).where(Detector.stream == "")
    detectors = {one.model_version_id: one for one in session.scalars(of_all)}
    faults = 0
    for version, pictures, newest in answered:
        one = detectors.get(version)
        faults += abs(pictures - (one.seen if one else 0))
        faults += one is None or one.last_prediction_id != newest
    return faults


def _count(session: Session, table: Any, *conditions: Any) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _parts(told: Sequence[Told], size: int = 500) -> Iterable[Sequence[Told]]:
    return (told[start : start + size] for start in range(0, len(told), size))
