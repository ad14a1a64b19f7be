"""The program as a process: what keeps it from starting, what it serves, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring import metrics
from store import heartbeats, jobs, windows
from store.database import Database
from tests.monitoring.given import SECRET, Watched, opinions

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds until a process that says nothing is taken for hung


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251  # the child's
    return inherited | {
        "URSA_DATABASE_URL": url,
        "URSA_STORAGE_URL": str(folder / "storage"),
        "URSA_SECRET_KEY": SECRET,
        "URSA_BUNDLE_CACHE": str(folder / "process cache"),
        "URSA_WINDOW_PREDICTIONS": "60",
        "URSA_WINDOW_MINIMUM": "20",
        "URSA_MONITORING_POLL_SECONDS": "0.1",
        **more,
    }


COMMAND = [sys.executable, "-m", "monitoring", "work"]


@contextmanager
def running(settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The program; killed at the end if it has not ended by itself."""
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=settings, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def line_with(process: subprocess.Popen[str], word: str) -> str:
    """The next line of its log that holds a word; what came before it, if it ends without."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if word in line:
            return line
    raise AssertionError("".join(said))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stderr is not None
    rest = process.stderr.read()
    return process.wait(PATIENCE), rest


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_it_watches_serves_its_metrics_and_ends_when_told(
    postgresql_url: str, bundle: Path, tmp_path: Path
) -> None:
    watched = Watched(Database(postgresql_url), tmp_path)
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60))
    port = free_port()
    settings = environment(watched.database.url, tmp_path, URSA_MONITORING_METRICS_PORT=str(port))
    with running(settings) as process:
        line_with(process, '"verdict": "quiet"')
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            page = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        code, rest = ended(process)
    assert (code, '"stopped"' in rest) == (0, True), rest
    with watched.database.read() as session:
        assert [window.verdict for window in windows.newest(session)] == ["quiet"]
        assert "monitoring" in heartbeats.last(session)
    families = {family.name for family in text_string_to_metric_families(page)}
    assert {metric.name for metric in metrics.REGISTRY.collect()} <= families
    watched.database.dispose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_in_the_middle_of_a_check_it_gives_the_check_back(
    sqlite_url: str, bundle: Path, tmp_path: Path, number: signal.Signals
) -> None:
    watched = Watched(Database(sqlite_url), tmp_path)
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60))
    with running(environment(sqlite_url, tmp_path)) as process:
        line_with(process, '"checking"')  # and now it loads Evidently for seconds
        process.send_signal(number)
        code, rest = ended(process)
    assert (code, '"stopped"' in rest) == (0, True), rest
    with watched.database.read() as session:
        asked = jobs.newest(session, "window")
        assert windows.newest(session) == []
    # by count and by time: these pictures are old
    assert [(job.status, job.attempts) for job in asked] == [("todo", 0)] * 2
    watched.database.dispose()


def refusal(settings: dict[str, str]) -> str:
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.strip()


def test_what_keeps_it_from_starting_is_one_sentence(sqlite_url: str, tmp_path: Path) -> None:
    fine = environment(sqlite_url, tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refusal(fine | {"URSA_MONITORING_METRICS_PORT": port})
    assert said.count("\n") == 0
    assert f"127.0.0.1:{port}" in said
    (tmp_path / "file").write_bytes(b"no database, whatever its name says " * 99)
    for change, word in (
        ({"URSA_SECRET_KEY": "short"}, "URSA_SECRET_KEY"),
        ({"URSA_WINDOW_PREDICTIONS": "some"}, "URSA_WINDOW_PREDICTIONS"),
        ({"URSA_DATABASE_URL": f"sqlite:///{tmp_path}/empty.db"}, "make migrate"),
        ({"URSA_DATABASE_URL": f"sqlite:///{tmp_path}/file"}, "broken"),
        ({"URSA_STORAGE_URL": str(tmp_path / "file" / "below")}, "storage"),
    ):
        said = refusal(fine | change)
        assert word in said
        assert said.count("\n") == 0, said


def test_a_database_that_does_not_answer_yet_is_waited_for(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@/nothing?host={tmp_path}"
    with running(environment(url, tmp_path)) as process:
        line_with(process, "waiting for the database")
        line_with(process, "waiting for the database")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
