"""What the clock and the counts ask for: a stage's end, held answers at their limit, changed actions."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring import stage_turns
from monitoring.monitor import Monitor
from store import held, people, predictions, rollouts, stops, switches
from store.database import Database, Session
from store.errors import Unavailable
from store.objects import Objects
from store.pictures import NewPicture
from store.prediction_log import Entry, NewPrediction, NewShadow, PredictionLog
from store.reviews import NewReview
from store.rollouts import Actor
from store.tables import Prediction, Rollout
from tests.monitoring.given import settings
from tests.store.given import NOW, later, prediction, version
from tests.store.racing import meanwhile

SYSTEM = Actor("system", "a test")


class Stage:
    """A candidate beside an incumbent, and the answers of both."""

    def __init__(self, database: Database, scope: dict[str, Any]) -> None:
        self.database = database
        with database.write() as session:
            old, new = version(session, "old"), version(session, "new")
            self.old, self.new = old.id, new.id
            first = rollouts.open_rollout(session, self.old, SYSTEM, "first", NOW)
            rollouts.move(session, first.id, "promote", SYSTEM, "first", NOW)
            self.rollout = rollouts.open_rollout(session, self.new, SYSTEM, "next", NOW).id
            event = rollouts.move(session, self.rollout, "limit", SYSTEM, "try", NOW, scope=scope)
            self.event = event.id
            self.consumer = people.add_consumer(session, "shop", NOW).id

    def keep(self, entries: list[Entry]) -> None:
        """Write them as the service would."""
        log = PredictionLog(self.database)
        log.start()
        for one in entries:
            log.keep(one)
        log.stop()

    def answer(self, number: int, **changes: Any) -> NewPrediction:
        """Prediction `number` of the candidate."""
        made = {"model_version_id": self.new, "stage": "limited", "rollout_event_id": self.event}
        return prediction(self.consumer, number, **{**made, **changes})

    def held(self, number: int, *shadows: NewShadow, **changes: Any) -> str:
        """A held answer whose review is due a minute after NOW."""
        row = self.answer(
            number, decision="hold", status="pending", answer=None, answered_by=None, answered_at=None,
            **changes,
        )  # fmt: skip
        picture = NewPicture(row.picture_digest, "png", 100, 64, 48)
        review = NewReview(row.id, row.picture_digest, "held", ("held",), deadline=later(minutes=1))
        self.keep([Entry(row, picture, shadows, review)])
        return row.id

    def given(self, prediction_id: str) -> str | None:
        """What the consumer was told after an hour."""
        stage_turns.answer_overdue(monitor(self.database, later(hours=1)))
        return self.row(prediction_id).answer

    def row(self, prediction_id: str) -> Prediction:
        with self.database.read() as session:
            return predictions.get(session, prediction_id)

    def stage(self) -> Rollout:
        with self.database.read() as session:
            return rollouts.get(session, self.rollout)


@pytest.fixture(autouse=True)
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """That of every monitor here."""
    monkeypatch.chdir(tmp_path)
    return Objects("storage")


def monitor(database: Database, at: datetime) -> Monitor:
    """One whose clock stands still; the parts of this room ask for no reference."""
    asked = settings(database.url, Path())
    return Monitor(settings=asked, clock=lambda: at, database=database, references=None, name="m1")  # type: ignore[arg-type]  # see above


def said(stage: Stage, label: str) -> NewShadow:
    return NewShadow(stage.old, label, 0.9, {label: 0.9}, None, 1.0)


def test_at_its_end_a_stage_falls_back_once_whoever_looks(database: Database) -> None:
    stage = Stage(database, {"expires_at": later(hours=1).isoformat()})
    stage_turns.expire(monitor(database, later(minutes=59)))
    assert stage.stage().stage == "limited"
    for _ in range(2):
        stage_turns.expire(monitor(database, later(hours=1)))
    with database.read() as session:
        moves = [(one.move, one.actor_kind) for one in rollouts.events(session, 2, stage.rollout)]
    assert stage.stage().stage == "manual"
    assert moves == [("fall_back", "monitoring"), ("limit", "system")]


def test_a_stage_that_people_begin_anew_at_its_end_goes_on(database: Database) -> None:
    stage = Stage(database, {"expires_at": later(hours=1).isoformat()})

    def begin_anew(session: Session) -> None:
        scope = {"expires_at": later(hours=3).isoformat()}
        over = later(hours=1)
        rollouts.move(session, stage.rollout, "fall_back", SYSTEM, "it is over", over)
        rollouts.move(session, stage.rollout, "limit", SYSTEM, "again", over, scope=scope)

    meanwhile(database, begin_anew, lambda: stage_turns.expire(monitor(database, later(hours=1))))
    assert stage.stage().stage == "limited"


@pytest.mark.parametrize(
    ("at_limit", "given"), [("incumbent", "teddy"), ("candidate", "grizzly"), ("people", None)]
)
def test_a_held_answer_gets_at_its_limit_what_was_written(
    database: Database, at_limit: str, given: str | None
) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": at_limit})
    waiting = stage.held(1, said(stage, "teddy"))
    stage_turns.answer_overdue(monitor(database, later(seconds=59)))
    assert stage.row(waiting).status == "pending"
    for _ in range(2):
        stage_turns.answer_overdue(monitor(database, later(minutes=1)))
    row = stage.row(waiting)
    assert (row.answer, row.status) == (given, "answered" if given else "pending")
    assert row.answered_by == ("model" if given else None)


def test_without_the_incumbents_word_a_person_is_waited_for(database: Database) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "incumbent"})
    failed = NewShadow(stage.old, None, None, None, "NetworkError: no", 1.0)
    rows = [stage.held(1), stage.held(2, failed)]
    stage_turns.answer_overdue(monitor(database, later(hours=1)))
    assert [stage.row(one).status for one in rows] == ["pending", "pending"]


def test_what_the_policy_held_outside_the_scope_never_gets_the_candidates_answer(
    database: Database,
) -> None:
    stage = Stage(database, {"segments": ["barn"], "hold_seconds": 60, "at_limit": "incumbent"})
    shadow = NewShadow(stage.new, "grizzly", 0.9, {"grizzly": 0.9}, None, 1.0)
    waiting = stage.held(1, shadow, model_version_id=stage.old, stage="full", label="teddy")
    assert stage.given(waiting) is None


def test_an_event_of_another_rollout_takes_no_held_answers_outcome_away(database: Database) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "candidate"})
    with database.write() as session:
        first = rollouts.live(session).incumbent
        assert first is not None
        event = rollouts.move(session, first.rollout_id, "revert", SYSTEM, "it crashed", NOW)
    assert stage.given(stage.held(1, rollout_event_id=event.id)) == "grizzly"


def test_of_two_that_ran_alongside_the_incumbent_is_the_one_that_answered_everything(
    database: Database,
) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "incumbent"})
    with database.write() as session:
        before = version(session, "older").id
    older = NewShadow(before, "black", 0.9, {"black": 0.9}, None, 1.0)
    assert stage.given(stage.held(1, older, said(stage, "teddy"))) == "teddy"
    assert stage.given(stage.held(2, older)) is None


@pytest.mark.parametrize("at_limit", ["incumbent", "candidate"])
def test_while_all_models_are_stopped_no_held_answer_is_a_models(
    database: Database, at_limit: str
) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": at_limit})
    waiting = stage.held(1, said(stage, "grizzly"))
    for on, given in ((True, None), (False, "grizzly")):
        with database.write() as session:
            switches.throw(session, "killed", on, "person", "olga", "look", NOW)
        assert stage.given(waiting) == given


@pytest.mark.parametrize("whose", ["all", "its own"])
def test_a_stop_that_no_row_knows_of_yet_is_one(
    database: Database, storage: Objects, whose: str
) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "candidate"})
    waiting = stage.held(1)
    target = stops.KILLED if whose == "all" else stage.rollout
    stops.put(storage, stops.Stop(target, SYSTEM, "smoke", NOW), NOW)
    assert stage.given(waiting) is None
    storage.remove(f"stops/{target}")
    assert stage.given(waiting) == "grizzly"


def test_while_nobody_can_say_what_is_stopped_nothing_is_given(database: Database) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "candidate"})
    waiting = stage.held(1)
    shutil.rmtree("storage")
    with pytest.raises(Unavailable):
        stage.given(waiting)
    assert stage.row(waiting).answer is None


def test_the_answer_of_a_version_that_was_reverted_is_not_given(database: Database) -> None:
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "candidate"})
    waiting = stage.held(1, said(stage, "teddy"))
    with database.write() as session:
        rollouts.move(session, stage.rollout, "revert", SYSTEM, "it is worse", NOW)
    assert stage.given(waiting) is None


def test_those_that_wait_for_a_person_hold_up_nobody_behind_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "PAGE", 2)
    stage = Stage(database, {"hold_seconds": 60, "at_limit": "incumbent"})
    for number in range(1, 5):
        stage.held(number)
    assert stage.given(stage.held(5, said(stage, "teddy"))) == "teddy"
