"""The real application, answering on a port of its own on loopback, on both databases."""

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from classifier.classifier import Classifier
from service.core_processes import CoreProcesses
from service.settings import Settings
from store import logs
from store.settings import StoreSettings
from tests.service.machine import Machine
from tests.service.serving import POLICY, Serving, serving
from tests.toy import toy_bundle

SECRET = "a secret of the tests that is long enough"
Start = Callable[..., Serving]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a service over an empty database; practically nothing is audited unless a test says so."""
    return _settings(database_url, tmp_path)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Start a service, with settings changed; it is stopped at the end."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(serving(settings, **changes))


@pytest.fixture
def served(start: Start) -> Serving:
    """A service without any model."""
    return start()


@pytest.fixture
def machine(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine for commands, on both databases."""
    return Machine(tmp_path, database_url, monkeypatch)


@pytest.fixture
def small(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """What does not differ between databases is tried on one."""
    return Machine(tmp_path, sqlite_url, monkeypatch)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What a program writes that logs as `python -m service serve` does."""
    out, before, root = StringIO(), structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with monkeypatch.context() as changed:
        changed.setattr(sys, "stderr", out)
        logs.configure(logging.INFO)
    # a logger that is kept would go on writing here in the tests that follow
    structlog.configure(cache_logger_on_first_use=False)
    yield out
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="module")
def shared(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One service on SQLite for all tests of a file that leave nothing behind."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copyfile(migrated_sqlite, folder / "ursa.db")
    with serving(_settings(f"sqlite:///{folder / 'ursa.db'}", folder)) as running:
        yield running


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in a folder that is named by its digest, as the cache names them."""
    made = toy_bundle(tmp_path_factory.mktemp("bundle") / "made")
    return made.rename(made.parent / Classifier.load(made).digest)


@pytest.fixture
def processes() -> Iterator[CoreProcesses]:
    """One process for pictures."""
    made = CoreProcesses(1)
    made.start()
    yield made
    made.stop()


def lines(written: StringIO, event: str | None = None) -> list[dict[str, Any]]:
    """Every line is one JSON object, whatever was logged."""
    read = [json.loads(line) for line in written.getvalue().splitlines()]
    return [one for one in read if event is None or one["event"] == event]


def _settings(database_url: str, folder: Path) -> Settings:
    policy = folder / "policy.toml"
    policy.write_text(POLICY)
    return Settings(
        store=StoreSettings(database_url, str(folder / "storage"), SECRET),
        port=0,
        # a program of its own has them; where hundreds begin and end in one process, a picture is seen in place
        core_processes=False,
        audit_rate=1e-9,
        policy_file=policy,
        bundle_cache=folder / "cache",
        poll_seconds=0.05,
        # what runs alongside is kept together with the answer, so that a test finds it
        shadow_seconds=5.0,
        rate_per_second=10_000,
        rate_burst=10_000,
    )
