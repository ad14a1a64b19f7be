from dataclasses import replace

import pytest

from store import privileged_acts, windows
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.rollouts import Actor
from store.windows import NewReport, NewWindow
from tests.store.given import NOW, digest, later, version

REPORT = NewReport("evidently 0.7", b"\x00body", b"\x01html", digest("script"))


def new(model_version: str, last: str = "b") -> NewWindow:
    return NewWindow(
        model_version, "", "a", last, NOW, later(hours=1), 200, "quiet", {"p": 0.5}, {"seed": 1}
    )


def test_a_check_and_its_report_come_back(database: Database) -> None:
    with database.write() as session:
        kept = windows.add(session, new(version(session).id), REPORT, NOW)
    with database.read() as session:
        found = windows.get(session, kept.id)
        report = windows.report_of(session, kept.id)
    assert report is not None
    assert (found.verdict, found.values, found.config) == ("quiet", {"p": 0.5}, {"seed": 1})
    assert (report.body, report.html, report.made_by) == (b"\x00body", b"\x01html", "evidently 0.7")


def test_of_two_monitors_that_check_one_stretch_the_second_is_refused(database: Database) -> None:
    with database.write() as session:
        made = new(version(session).id)
        windows.add(session, made, REPORT, NOW)
    with pytest.raises(Conflict), database.write() as session:
        windows.add(session, replace(made, verdict="drift"), REPORT, later(hours=1))
    with database.write() as session:
        windows.add(session, replace(made, segment="zoo"), None, NOW)
        windows.add(session, replace(made, last_prediction_id="c"), None, NOW)
    with database.read() as session:
        assert len(windows.newest(session)) == 3


def test_checks_come_newest_first_and_by_version(database: Database) -> None:
    with database.write() as session:
        one, other = version(session, "one").id, version(session, "two").id
        for number, owner in enumerate((one, other, one)):
            windows.add(session, new(owner, str(number)), None, later(hours=number))
    with database.read() as session:
        assert [row.last_prediction_id for row in windows.newest(session)] == ["2", "1", "0"]
        assert [row.last_prediction_id for row in windows.newest(session, 9, one)] == ["2", "0"]
        assert len(windows.newest(session, 1)) == 1
        newest = windows.newest(session, 1)[0]
        assert windows.report_of(session, newest.id) is None


def test_the_latest_stretch_with_pictures_enough(database: Database) -> None:
    with database.write() as session:
        one, other = version(session, "one").id, version(session, "two").id
        for last, pictures in (("b", 200), ("d", 3), ("c", 100)):
            windows.add(session, replace(new(one, last), pictures=pictures), None, NOW)
    with database.read() as session:

        def latest(at_least: int, of: str = one) -> str | None:
            found = windows.latest_of(session, of, at_least)
            return found.last_prediction_id if found else None

        assert [latest(least) for least in (0, 4, 150, 201)] == ["d", "c", "b", None]
        assert latest(0, other) is None


def test_the_script_of_reports_is_kept_once(database: Database) -> None:
    for _ in range(2):
        with database.write() as session:
            windows.keep_script(session, digest("script"), b"script", NOW)
    with database.read() as session:
        assert windows.has_script(session, digest("script"))
        assert not windows.has_script(session, digest("other"))
        assert windows.script(session, digest("script")) == b"script"
        with pytest.raises(NotFound):
            windows.script(session, digest("other"))
        with pytest.raises(NotFound):
            windows.get(session, "nothing")


def test_who_accepts_a_window_says_why_and_is_written_down(database: Database) -> None:
    otto = Actor("command", "otto")
    with database.write() as session:
        kept = windows.add(session, new(version(session).id), None, NOW).id
    with pytest.raises(Invalid), database.write() as session:
        windows.accept(session, kept, otto, " ", NOW)
    with database.write() as session:
        windows.accept(session, kept, otto, "a holiday", later(hours=2))
    with pytest.raises(Conflict) as refused, database.write() as session:
        windows.accept(session, kept, Actor("command", "anna"), "me too", later(hours=3))
    assert refused.value.code == "accepted_already"
    with database.read() as session:
        window, [act] = windows.get(session, kept), privileged_acts.newest(session, 10)
    assert (window.accepted_by, window.accepted_at) == ("otto", later(hours=2))
    assert (act.actor, act.act, act.subject) == ("otto", "accept window", kept)
    assert act.detail == {"actor_kind": "command", "reason": "a holiday"}
