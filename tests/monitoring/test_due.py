from pathlib import Path

import pytest

from monitoring import due
from monitoring.due import Stretch
from store import windows
from store.database import Database
from store.windows import NewWindow
from tests.monitoring.given import settings
from tests.store import given
from tests.store.given import NOW, entry, keep, later

FULL, LEAST, WAIT = 10, 4, 100.0


class Log:
    """Predictions of two versions, one each second, and the windows that were checked."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.settings = settings(
            database.url, folder,
            window_predictions=FULL, window_minimum=LEAST, window_wait_seconds=WAIT,
        )  # fmt: skip
        with database.write() as session:
            self.shop = given.consumer(session)
            self.one = given.version(session, "one").id
            self.two = given.version(session, "two").id
        self.ids: list[str] = []

    def answer(self, *seconds: int, version: str | None = None) -> None:
        entries = [entry(self.shop, one, model_version_id=version or self.one) for one in seconds]
        keep(self.database, entries)
        self.ids.extend(one.prediction.id for one in entries)

    def due(self, second: float) -> Stretch | None:
        with self.database.read() as session:
            return due.stretch(session, self.one, self.settings, later(seconds=second))

    def check(self, stretch: Stretch | None, pictures: int, second: float) -> None:
        assert stretch is not None
        new = NewWindow(
            segment="", starts_at=NOW, ends_at=NOW, pictures=pictures, verdict="quiet",
            values={}, config={}, **vars(stretch),
        )  # fmt: skip
        with self.database.write() as session:
            windows.add(session, new, None, later(seconds=second))


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return Log(database, tmp_path)


def test_a_stretch_is_due_when_it_is_full(log: Log) -> None:
    assert log.due(0) is None
    log.answer(*range(FULL - 1))
    assert log.due(FULL) is None
    log.answer(FULL - 1)
    assert log.due(FULL) == Stretch(log.one, log.ids[0], log.ids[-1])


def test_of_more_than_a_window_the_latest_are_checked(log: Log) -> None:
    log.answer(*range(FULL + 7))
    assert log.due(20) == Stretch(log.one, log.ids[7], log.ids[-1])


def test_no_prediction_is_in_two_windows(log: Log) -> None:
    log.answer(*range(FULL))
    log.check(log.due(20), FULL, 20)
    assert log.due(20) is None
    log.answer(*range(21, 21 + FULL - 1))
    assert log.due(40) is None
    log.answer(40)
    assert log.due(40) == Stretch(log.one, log.ids[FULL], log.ids[-1])


def test_what_is_not_full_is_checked_when_it_has_waited(log: Log) -> None:
    log.answer(*range(LEAST))
    assert log.due(WAIT - 1) is None
    stretch = log.due(WAIT)
    assert stretch == Stretch(log.one, log.ids[0], log.ids[-1])
    log.check(stretch, LEAST, WAIT)
    log.answer(int(WAIT) + 1)
    assert log.due(2 * WAIT) is None  # it has not waited long since the last look
    assert log.due(2 * WAIT + 1) == Stretch(log.one, log.ids[-1], log.ids[-1])


def test_too_few_pictures_use_nothing_up_and_are_told_once_for_each_wait(log: Log) -> None:
    log.answer(*range(LEAST - 1))
    log.check(log.due(WAIT), LEAST - 1, WAIT)
    assert log.due(9 * WAIT) is None  # nothing has come since
    log.answer(200)
    assert log.due(2 * WAIT - 1) is None
    stretch = log.due(2 * WAIT)
    assert stretch == Stretch(log.one, log.ids[0], log.ids[-1])
    log.check(stretch, LEAST, 2 * WAIT)
    assert log.due(9 * WAIT) is None


def test_too_few_pictures_do_not_delay_a_full_window(log: Log) -> None:
    log.answer(*range(LEAST - 1))
    log.check(log.due(WAIT), LEAST - 1, WAIT)
    log.answer(*range(101, 101 + FULL))
    assert log.due(111) == Stretch(log.one, log.ids[-FULL], log.ids[-1])


def test_what_another_version_answered_is_not_counted(log: Log) -> None:
    log.answer(*range(FULL), version=log.two)
    assert log.due(9 * WAIT) is None
    log.answer(20)
    assert log.due(9 * WAIT) == Stretch(log.one, log.ids[-1], log.ids[-1])
