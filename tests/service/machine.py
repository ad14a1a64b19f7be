"""A machine at which somebody types commands: an empty migrated database, settings, and what a command said."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from service.__main__ import main
from service.clock import wall_clock
from store import models
from store.bundles import BundleStore
from store.database import Database
from store.models import NewVersion
from store.objects import Objects
from tests.service import rows
from tests.toy import CLASSES, toy_bundle

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Machine:
    """A machine with an empty migrated database."""

    folder: Path
    database_url: str
    patch: pytest.MonkeyPatch

    def environment(self, **changes: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],  # noqa: TID251 - what a started program needs of this one's
            "HOME": str(self.folder),
            "LOGNAME": "otto",
            "URSA_DATABASE_URL": self.database_url,
            "URSA_STORAGE_URL": str(self.folder / "storage"),
            "URSA_BUNDLE_CACHE": str(self.folder / "cache"),
            "URSA_SECRET_KEY": "x" * 40,
            "URSA_PORT": "0",
            **changes,
        }

    def run(self, *words: str, feed: str = "", **changes: str) -> Done:
        out, err = StringIO(), StringIO()
        with self.patch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.environment(**changes).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", StringIO(feed))
            code = main(list(words))
        return Done(code, out.getvalue(), err.getvalue())

    def refuses(self, *words: str, feed: str = "", **changes: str) -> str:
        """The one sentence."""
        done = self.run(*words, feed=feed, **changes)
        assert done.code == 1, done
        lines = done.err.splitlines()
        assert len(lines) == 1, done.err
        assert lines[0].endswith(".")
        assert done.out == ""
        return lines[0]

    def does(self, *words: str, feed: str = "") -> str:
        done = self.run(*words, feed=feed)
        assert done.code == 0, done
        return done.out


def ready(machine: Machine, database: Database) -> None:
    """A version that one operator has confirmed."""
    version(machine, database)
    with database.write() as session:
        rows.ready(session, 1, wall_clock())


def version(machine: Machine, database: Database) -> None:
    """Register a toy model version."""
    store = BundleStore(Objects(str(machine.folder / "storage")), machine.folder / "unused")
    digest = store.keep(toy_bundle(machine.folder / "toy"))
    with database.write() as session:
        models.register(session, NewVersion(digest, 1, list(CLASSES), {}), wall_clock())


@contextmanager
def served(machine: Machine) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """A real process that answers; its address, the process, and the lines that it logs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve"],
        cwd=ROOT,
        env=machine.environment(URSA_PORT=port),
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    started = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "startup complete" in line:
                started.set()
        started.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        started.wait()
        assert process.poll() is None, "".join(lines)
        yield f"http://127.0.0.1:{port}", process, lines
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        if process.stderr is not None:
            process.stderr.close()
