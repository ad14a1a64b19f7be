"""`make run` as a person meets it: real programs, with a toy model that is there already instead of a training."""

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy import checks, local
from store import models, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from tests import toy
from tests.conftest import lacking

ROOT = Path(__file__).parents[2]
KEPT = ("people", "consumers", "api_keys", "model_versions", "rollouts", "rollout_events")


@pytest.fixture
def data(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A data folder with a model at `full` and one sample picture, as after a first training."""
    folder = tmp_path / "it's here, data"
    folder.mkdir()
    local.read_or_make(folder / "local.env", "ursa_" + "k" * 43)
    shutil.copyfile(migrated_sqlite, folder / "ursa.db")
    (folder / "samples/bear").mkdir(parents=True)
    (folder / "samples/bear/one.png").write_bytes(toy.draw(0, seed=1))
    bundle = toy.toy_bundle(tmp_path / "bundle")
    digest = BundleStore(Objects(str(folder / "storage")), tmp_path / "cache").keep(bundle)
    now, actor = datetime.now(UTC), rollouts.Actor("system", "test")
    database = Database(f"sqlite:///{folder / 'ursa.db'}")
    with database.write() as session:
        version = models.register(
            session, models.NewVersion(digest, 1000, list(toy.CLASSES), {}), now
        )
        rollout = rollouts.open_rollout(session, version.id, actor, "a toy", now)
        rollouts.move(session, rollout.id, "promote", actor, "a toy", now)
    database.dispose()
    return folder


@contextmanager
def running(data: Path, port: int, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """`make run`'s own process; it is dead afterwards, and so is what it started."""
    command = [sys.executable, "-m", "deploy.run", "--data", str(data), "--port", str(port), *flags]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def line_with(process: subprocess.Popen[str], words: str) -> tuple[str, str]:
    """Read on until a line begins with these words: that line, and all that came before."""
    before = ""
    for line in process.stdout or ():
        if line.startswith(words):
            return line.rstrip("\n"), before
        before += line
    pytest.fail(f"it ended before it said {words!r}:\n{before}")


def end(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send the signal as a terminal does, to the whole group; what was still printed. It must end well."""
    os.killpg(process.pid, number)
    rest = "".join(process.stdout or ())
    assert process.wait() == 0, rest
    assert "Traceback" not in rest
    assert rest.endswith("Ursa has stopped.\n")
    return rest


def left_over(data: Path) -> list[str]:
    """Processes that still know the folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(data).encode() in environment.read_bytes():
                found.append((environment.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
    return found


def rows(data: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(data / "ursa.db")) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT}  # noqa: S608 - names of our own


def test_the_printed_call_works_and_ctrl_c_leaves_nothing(data: Path, free_ports: int) -> None:
    with running(data, free_ports) as process:
        call, before = line_with(process, "curl ")
        assert f"http://127.0.0.1:{free_ports}" in before
        assert str(data / "local.env") in before
        assert left_over(data), "the programs run"
        if shutil.which("curl") is None:
            lacking("curl")
        # as a shell reads what was pasted
        answered = subprocess.run(call, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
        answer = json.loads(answered.stdout)
        assert answer["status"] == "answered", answer
        assert answer["label"] in toy.CLASSES
        rest = end(process, signal.SIGINT)
    checks.ports({"A": free_ports, "B": free_ports + 1, "C": free_ports + 2})
    assert left_over(data) == []
    # the key is nowhere but in its file and in the call
    key = shlex.split(call)[3].removeprefix("Authorization: Bearer ")
    assert f"API_KEY={key}\n" in (data / "local.env").read_text()
    assert key not in before + rest
    assert key.encode() not in (data / "ursa.db").read_bytes()


def test_a_second_run_changes_nothing_that_is_there(data: Path, free_ports: int) -> None:
    with running(data, free_ports) as process:
        line_with(process, "curl ")
        end(process, signal.SIGTERM)
    secrets, before = (data / "local.env").read_bytes(), rows(data)
    with running(data, free_ports) as process:
        _, said = line_with(process, "curl ")
        assert "Training" not in said
        end(process, signal.SIGTERM)
    assert (data / "local.env").read_bytes() == secrets
    assert rows(data) == before
    assert len(before["people"]) == 2


def test_ctrl_c_in_the_first_training_ends_it_and_nothing_is_half_done(
    tmp_path: Path, free_ports: int
) -> None:
    data = tmp_path / "data"
    with running(data, free_ports, "--per-class", "15") as process:
        line_with(process, "Training the first model")
        end(process, signal.SIGINT)
    assert left_over(data) == []
    assert rows(data)["model_versions"] == []
    assert len(list((data / "samples").rglob("*.*"))) == 45
