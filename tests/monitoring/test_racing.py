"""Two monitors that find the same thing due at once ask for it once."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring import accuracy_turns, replay_turns, retention, window_turns
from monitoring.monitor import Monitor
from store import accuracies, jobs, null_replays
from tests.monitoring.given import Watched, opinions

TURNS = {
    replay_turns.NULL_REPLAY: replay_turns.turn,
    window_turns.WINDOW: window_turns.turn,
    retention.RETENTION: retention.turn,
    accuracy_turns.ACCURACY: accuracy_turns.turn,
}
# what says that something is there already, by what is due, and what a job of it is about
READS: dict[str, Any] = {
    replay_turns.NULL_REPLAY: (replay_turns, (null_replays, "missing")),
    accuracy_turns.ACCURACY: (accuracy_turns, (accuracies, "last_look")),
}
DUE = {replay_turns.NULL_REPLAY: "model_version_id", accuracy_turns.ACCURACY: "ends_at"}


@pytest.mark.parametrize("kind", TURNS)
def test_what_is_due_is_asked_for_once_by_two_at_once(
    watched: Watched, small: Path, kind: str
) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    watched.clock.pass_by(days=1)
    turn = TURNS[kind]
    with ThreadPoolExecutor(1) as pool:
        waiting = Meanwhile(watched, lambda monitor: pool.submit(turn, monitor))
        turn(replace(watched.monitor, clock=waiting))
        assert waiting.other is not None
        waiting.other.result()
    with watched.database.read() as session:
        asked = jobs.newest(session, kind)
    # a window by count and one by time
    due = 2 if kind == window_turns.WINDOW else 1
    assert [one.status for one in asked] == ["done"] * due


@pytest.mark.parametrize("kind", [replay_turns.NULL_REPLAY, accuracy_turns.ACCURACY])
def test_what_is_done_while_a_monitor_looks_is_not_due_again(
    watched: Watched, small: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its two reads, whichever comes first: of what is not finished, and of what there is already."""
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    watched.clock.pass_by(days=1)
    turns, there = READS[kind]
    another, left = watched.another("monitor two"), ["once"]

    def then_done(read: Callable[..., object]) -> Callable[..., object]:
        def reading(*args: object) -> object:
            found = read(*args)
            if left:
                left.pop()
                turns.turn(another)
            return found

        return reading

    with watched.database.read() as session:
        wanted = turns._wanted(session, watched.monitor)
    with watched.database.write() as session:
        due = wanted[0] if isinstance(wanted, list) else wanted.isoformat()
        jobs.add(session, kind, {DUE[kind]: due}, watched.clock(), asked_by="a test")
    for module, name in ((jobs, "unfinished"), there):
        monkeypatch.setattr(module, name, then_done(getattr(module, name)))
    with watched.database.read() as session:
        assert not turns._wanted(session, watched.monitor)
    with watched.database.read() as session:
        assert [one.status for one in jobs.newest(session, kind)] == ["done"]


class Meanwhile:
    """A clock that lets another monitor begin its turn when this one has found that something is due and asks for it."""

    def __init__(self, watched: Watched, begin: Callable[[Monitor], Future[None]]) -> None:
        self._watched, self._begin = watched, begin
        self._looks = 0
        self.other: Future[None] | None = None

    def __call__(self) -> datetime:
        self._looks += 1
        # for the first look, for the second one that nobody disturbs, and for the job
        if self._looks == 3:
            self.other = self._begin(self._watched.another("monitor two"))
            with pytest.raises(TimeoutError):
                self.other.result(0.5)  # it waits for this one's commit
        return self._watched.clock()
