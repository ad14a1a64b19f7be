"""A candidate on its way in a database, and a monitor whose clock a test moves."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from monitoring import replaying, rollout_turns
from monitoring.evidence_rule import Rule
from monitoring.monitor import PROGRAM, Monitor
from monitoring.references import References
from monitoring.rollout_settings import RolloutSettings
from store import decisions, heartbeats, preflight, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from store.tables import Decision, Rollout
from tests.monitoring.given import Clock, settings
from tests.store.pairing import Two

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
            heartbeats.beat(self.database, PROGRAM, "monitor one", {}, self.clock())
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


def together(work: Callable[[Monitor], None], monitors: list[Monitor]) -> None:
    """Each of them in a thread of its own, to the end."""
    threads = [Thread(target=work, args=(one,)) for one in monitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
