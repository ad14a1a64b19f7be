"""Retention by turns: killed anywhere, by two at once, once a day, and little at a time."""

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select

from monitoring import retention
from store import days, jobs
from store.retention import Gone
from store.tables import Day, Job, Prediction, RetiredPicture, StoredPicture
from tests.monitoring.given import Watched
from tests.monitoring.kept import LATER, Kept, digest_of
from tests.store import given
from tests.store.given import later


def test_killed_anywhere_and_begun_by_two_it_comes_to_the_same_end(kept: Kept) -> None:
    numbers = range(200)
    kept.answer(*(kept.entry(number, "rule" if number % 10 == 0 else None) for number in numbers))
    words = [sys.executable, "-m", "tests.monitoring.taker", kept.database.url, str(kept.folder)]
    for _ in range(2):
        both = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
        try:
            for one in both:
                assert one.stdout is not None
                one.stdout.readline()
        finally:
            for one in both:
                one.send_signal(signal.SIGKILL)
                one.communicate()
    kept.take()
    kept.take(LATER + timedelta(days=2))
    with kept.database.read() as session:
        rows = set(session.scalars(select(StoredPicture.digest)))
        assert session.scalar(select(func.sum(Day.predictions))) == 200
        assert session.scalar(select(func.count()).select_from(RetiredPicture)) == 0
    assert len(kept.left()) == 20
    # every picture that a row names has its bytes, and no other has any
    assert rows == {digest_of(number) for number in numbers if number % 10 == 0}
    storage = kept.folder / "storage"
    assert {path.name for path in storage.rglob("*") if path.is_file()} == rows


def test_the_loop_does_it_once_a_day_whoever_is_first(watched: Watched) -> None:
    other = watched.another("monitor two")
    for _ in range(3):
        retention.turn(watched.monitor)
        retention.turn(other)
    watched.clock.pass_by(hours=25)
    retention.turn(other)
    with watched.database.read() as session:
        done = session.scalars(select(Job).where(Job.kind == retention.RETENTION)).all()
    assert [one.status for one in done] == ["done", "done"]


def test_a_turn_takes_a_few_batches_and_the_next_one_goes_on_whoever_takes_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.retention.PAGE", 10)
    given.keep(watched.database, [given.entry(watched.consumer, number) for number in range(50)])
    # on a clock on which every look at it takes most of a turn
    moments = (later(days=32) + retention.TURN * 0.4 * step for step in count())
    months = replace(watched.settings, retention_days=29, retention_features_days=29)
    pair = [
        replace(monitor, settings=months, clock=lambda: next(moments))
        for monitor in (watched.monitor, watched.another("monitor two"))
    ]
    left, counted, status, turn = [50], False, "", 0
    result: dict[str, Any] | None = None
    monkeypatch.setattr(retention, "DAYS_AT_ONCE", 3)
    for turn in range(60):
        retention.turn(pair[turn % 2])
        with watched.database.read() as session:
            left.append(session.scalar(select(func.count()).select_from(Prediction)) or 0)
            (job,) = jobs.newest(session, retention.RETENTION)
            counted = counted or len(days.since(session, date(2026, 3, 1))) >= 32
        # nothing goes before all is counted
        assert left[-1] == 50 or counted
        assert left[-2] - left[-1] <= 30
        status, result = job.status, job.result
        if status == "done":
            break
    assert (left[-1], status) == (0, "done")
    assert turn > 5
    assert result == vars(Gone(predictions=50, pictures=50, picture_bytes=50_000))
