"""The loop over rows: pairs noted, decisions kept, candidates moved, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from monitoring import commands, replaying, rollout_turns
from monitoring.evidence_rule import Rule
from monitoring.monitor import PROGRAM, Monitor
from monitoring.references import References
from monitoring.rollout_settings import RolloutSettings
from store import alarms, decisions, jobs, preflight, reviews, rollouts, switches
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from store.rollouts import Actor
from store.tables import Decision, Pair, Rollout
from tests.monitoring.given import Clock, settings
from tests.store.given import NOW
from tests.store.pairing import OPS, Two

# so wide that some thirty pairs decide
RULE = Rule(margin=0.3, minimum_pairs=10)
RISK = {
    "risk": "it errs",
    "metric": "ursa_window_verdict",
    "alert": "UrsaDriftPages",
    "owner": "olga",
}


class Rolled:
    """A candidate on its way, its preflight answered, and a monitor whose clock a test moves."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.two, self.database, self.folder = Two(database), database, folder
        self.clock = Clock()
        self.monitor = self.another("monitor one")
        answers = dict.fromkeys(preflight.QUESTIONS, "said")
        plan = {"answers": answers, "risks": [RISK], "scope": {"segments": ["barn"]}}
        with database.write() as session:
            kept, risks = preflight.parse(plan)
            rollout = session.get_one(Rollout, self.id)
            rollout.preflight, rollout.risks = kept, risks
        self.known_readers()

    @property
    def id(self) -> str:
        """The rollout's."""
        return self.two.rollout.id

    def another(self, name: str) -> Monitor:
        """One more monitor over the same database."""
        made = settings(self.database.url, self.folder, rollout=RolloutSettings(RULE))
        bundles = BundleStore(Objects(str(self.folder / "storage")), self.folder / name)
        return Monitor(made, self.clock, self.database, References(bundles), name)

    def known_readers(self) -> None:
        """Twelve pictures that both models call wrong, read by two people who agree."""
        for _ in range(12):
            one = self.two.answer("teddy", "black", doubled=True)
            for reader in (0, 1):
                self.two.label(one, "grizzly", self.clock(), reader)

    def answers(
        self, count: int, candidate: str = "teddy", *, candidate_answers: bool = False
    ) -> list[str]:
        """Requests of one kind; the incumbent says "teddy"."""
        ask = self.two.answer
        return [ask(candidate, "teddy", candidate_answers=candidate_answers) for _ in range(count)]

    def say(self, predictions: list[str], label: str) -> None:
        """One reader labels them all."""
        for one in predictions:
            self.two.label(one, label, self.clock())

    def look(self, *, alive: bool = True, **passes: float) -> None:
        """One turn, a little later."""
        self.clock.pass_by(**(passes or {"seconds": 30}))
        if alive:
            jobs.heartbeat(self.database, PROGRAM, "monitor one", {}, self.clock())
        rollout_turns.turn(self.monitor)

    def stage(self) -> tuple[str, float]:
        """Where the candidate stands."""
        with self.database.read() as session:
            rollout = rollouts.get(session, self.id)
            return rollout.stage, rollout.share

    def decided(self) -> list[Decision]:
        """Every decision, oldest first."""
        with self.database.read() as session:
            return list(reversed(decisions.newest(session, 500, self.id)))

    def last(self) -> Decision:
        """The newest decision."""
        return self.decided()[-1]

    def moves(self) -> list[str]:
        """What monitoring moved, oldest first."""
        with self.database.read() as session:
            events = rollouts.events(session, 100, self.id)
        return [one.move for one in reversed(events) if one.actor_kind == "monitoring"]

    def differences(self) -> list[str]:
        """What replaying every decision finds."""
        replayed = list(replaying.all_of(self.database))
        assert len(replayed) == len(self.decided())
        return [sentence for one in replayed for sentence in one.differences]


@pytest.fixture
def rolled(database: Database, tmp_path: Path) -> Rolled:
    """A candidate at `manual`, whose readers' error is known."""
    return Rolled(database, tmp_path)


def test_a_candidate_that_is_as_good_goes_through_the_steps_and_full_is_left_to_people(
    rolled: Rolled,
) -> None:
    rolled.answers(50)
    rolled.look()
    assert rolled.stage() == ("limited", 1.0)
    rolled.answers(50)  # out of its scope: these say nothing about `limited`
    rolled.look()
    assert rolled.last().values["act"]["because"] == ["pairs", "evidence"]
    for share in (0.05, 0.25, 0.5):
        rolled.answers(50, candidate_answers=True)
        rolled.look()
        assert rolled.stage() == ("expanding", share)
    rolled.answers(50, candidate_answers=True)
    rolled.look()
    last = rolled.last()
    assert (last.verdict, last.values["act"]["advised"]) == ("advance", "promote")
    assert rolled.stage() == ("expanding", 0.5)
    assert rolled.moves() == ["limit", "expand", "expand", "expand"]
    assert rolled.differences() == []


def test_a_worse_candidate_is_taken_back_and_the_event_names_the_decision(rolled: Rolled) -> None:
    rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.look()
    last = rolled.last()
    assert (last.verdict, rolled.moves()) == ("revert", ["revert"])
    assert "harm" in last.values["act"]["because"]
    with rolled.database.read() as session:
        event = rollouts.events(session, 1, rolled.id)[0]
        paged = alarms.open_alarms(session, "rollout_guard")
    assert (event.decision_id, event.actor) == (last.id, "monitor one")
    assert [one.model_version_id for one in paged] == [rolled.two.candidate.id]
    assert rolled.differences() == []


def test_a_candidate_that_fails_is_taken_back_without_any_label(rolled: Rolled) -> None:
    for _ in range(12):
        rolled.two.answer(None, "teddy")
    rolled.look()
    assert rolled.last().values["act"]["because"] == ["failing"]


def test_agreements_do_not_count_while_a_disagreement_waits(rolled: Rolled) -> None:
    waits = rolled.answers(1, "black")
    rolled.answers(80)
    rolled.look()
    last = rolled.last()
    assert (last.verdict, last.values["waiting"], last.values["pairs"]) == ("hold", 1, 12)
    rolled.say(waits, "teddy")
    rolled.look()
    assert rolled.stage()[0] == "limited"


def test_no_label_ever_is_hold_for_good_and_somebody_is_paged(rolled: Rolled) -> None:
    rolled.answers(12, "black")
    rolled.answers(50)
    for _ in range(4):
        rolled.look(hours=48)
    last = rolled.last()
    assert (last.verdict, last.values["act"]["because"][0]) == ("hold", "overdue")
    with rolled.database.read() as session:
        assert len(alarms.open_alarms(session, "evidence_overdue")) == 1
    assert rolled.moves() == []
    assert rolled.differences() == []


@pytest.mark.parametrize("why", ["frozen", "heartbeat", "alarm", "preflight"])
def test_nothing_grows_against_what_forbids_it(rolled: Rolled, why: str) -> None:
    with rolled.database.write() as session:
        if why == "frozen":
            switches.throw(session, "frozen", True, "person", "olga", "wait", NOW)
        if why == "alarm":
            about = rolled.two.candidate.id
            new = alarms.NewAlarm("accuracy", "", about, None, {}, pages=True)
            alarms.raise_alarm(session, new, NOW)
        if why == "preflight":
            session.get_one(Rollout, rolled.id).risks = []
    rolled.answers(50)
    rolled.look(alive=why != "heartbeat")
    last = rolled.last()
    assert (last.verdict, last.values["act"]["because"]) == ("hold", [why])
    assert rolled.stage()[0] == "manual"
    assert rolled.differences() == []


def test_what_comes_later_changes_no_decision_that_was_made(rolled: Rolled) -> None:
    early = rolled.answers(3, "black")
    rolled.say(early[:2], "black")
    rolled.look()
    rolled.say(early[2:], "teddy")
    rolled.answers(30)
    rolled.look(minutes=2)
    rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.look(hours=80)
    assert len(rolled.decided()) >= 3
    assert rolled.differences() == []


def test_a_decision_that_was_changed_is_found(rolled: Rolled) -> None:
    rolled.answers(20)
    rolled.look()
    with rolled.database.write() as session:
        row = session.get_one(Decision, rolled.last().id)
        row.values = {**row.values, "ties": 7, "harm": 99.0}
    found = rolled.differences()
    assert any(one.startswith("values.harm was 99.0") for one in found)


def test_the_command_concludes_again_and_says_so(
    rolled: Rolled, capsys: pytest.CaptureFixture[str]
) -> None:
    rolled.answers(5)
    rolled.look()
    one = rolled.last().id
    assert commands.replay_decisions(rolled.database, one) == 0
    assert commands.replay_decisions(rolled.database, None) == 0
    assert capsys.readouterr().out.count("1 made again, 0 of them not the same.\n") == 2
    with rolled.database.write() as session:
        session.get_one(Decision, one).verdict = "revert"
    assert commands.replay_decisions(rolled.database, None) == 1
    assert f"{one}: verdict was 'revert' and is 'hold'." in capsys.readouterr().out


def test_nothing_new_writes_no_row(rolled: Rolled) -> None:
    rolled.answers(5)
    for _ in range(5):
        rolled.look(minutes=5)
    assert len(rolled.decided()) == 1
    rolled.answers(1)
    rolled.look(seconds=1)
    rolled.look(minutes=5)
    assert len(rolled.decided()) == 2


@pytest.mark.parametrize("verdict", ["advance", "revert"])
def test_two_monitors_do_not_decide_twice(rolled: Rolled, verdict: str) -> None:
    if verdict == "advance":
        rolled.answers(50)
    else:
        rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.clock.pass_by(seconds=30)
    jobs.heartbeat(rolled.database, PROGRAM, "monitor one", {}, rolled.clock())
    barrier = Barrier(4)
    failed: list[Exception] = []

    def work(monitor: Monitor) -> None:
        barrier.wait()
        try:
            rollout_turns.turn(monitor)
        except Exception as error:  # noqa: BLE001  # what a thread raises is nobody's otherwise
            failed.append(error)

    monitors = [rolled.another(f"monitor {number}") for number in range(4)]
    together(lambda monitor: work(monitor), monitors)
    assert failed == []
    assert len(rolled.decided()) == 1
    assert rolled.moves() == ["limit" if verdict == "advance" else "revert"]
    with rolled.database.read() as session:
        numbers = [one.number for one in session.query(Pair).order_by(Pair.number)]
    assert numbers == list(range(1, len(numbers) + 1))


def together(work: Callable[[Monitor], None], monitors: list[Monitor]) -> None:
    threads = [Thread(target=work, args=(one,)) for one in monitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_burst_is_one_vote_and_asks_once(rolled: Rolled) -> None:
    burst = [rolled.two.answer("black", "teddy", subject="camera 1") for _ in range(5)]
    again = [rolled.two.answer("black", "teddy", picture="the same") for _ in range(3)]
    rolled.look()
    with rolled.database.read() as session:
        asked = [reviews.of_prediction(session, one)[0].status for one in burst + again]
    assert asked == ["open", *["withdrawn"] * 4, "open", *["withdrawn"] * 2]
    assert rolled.last().values["waiting"] == 2


def test_after_full_a_late_fall_brings_back_the_one_before(rolled: Rolled) -> None:
    with rolled.database.write() as session:
        rollouts.move(session, rolled.id, "promote", Actor("system", "a test"), "full", NOW)
    rolled.say(rolled.answers(30, "black", candidate_answers=True), "teddy")
    rolled.look()
    last = rolled.last()
    assert (last.stage, last.verdict) == ("full", "revert")
    with rolled.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.version_id == rolled.two.incumbent.id
    assert rolled.differences() == []


def test_without_an_incumbent_there_is_nothing_to_compare_with(rolled: Rolled) -> None:
    with rolled.database.write() as session:
        first = rolled.two.rollout.previous_id
        assert first is not None
        rollouts.move(session, first, "revert", OPS, "gone", NOW)
    rolled.look()
    assert rolled.decided() == []


def test_a_decision_says_what_it_waits_for(rolled: Rolled) -> None:
    rolled.answers(11)
    rolled.clock.pass_by(hours=1)
    rolled.look()
    waits = rolled.last().values["waits"]
    assert waits["never"] is False
    assert waits["pairs"] > 0
    assert waits["until"] > (NOW + timedelta(hours=1)).isoformat()
