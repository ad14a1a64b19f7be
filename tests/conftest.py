"""What every test may ask for: a database of each kind, a browser, and a network that ends at this machine.

What the machine lacks skips the tests that need it and is reported in plain words at the end of the run. With
URSA_TEST_REQUIRE=1, as on CI, the same lack fails them: a skipped test must not look like a passed one there.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import structlog
from sqlalchemy import make_url

from store import migrate
from store.database import Database
from tests import postgres

_LACK = "this machine lacks "
_TEMPLATE = "ursa_template"
# each has a PostgreSQL server of its own and some of them train
_MOST_WORKERS = 4
_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Close the network: a connection to anything but this machine is an error."""
    config.option.allow_hosts = "127.0.0.1,::1,localhost"
    config.option.allow_unix_socket = True


def pytest_xdist_auto_num_workers() -> int:
    """One process of tests for each core that is ours, and never more than memory is sure to bear."""
    return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested here and how to change that."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    lacks = Counter(reason.split(_LACK)[1] for reason in reasons if _LACK in reason)
    if lacks:
        terminalreporter.section("Not tested on this machine")
        for what, tests in lacks.items():
            terminalreporter.line(f"{tests} skipped: {_LACK}{what}.")
        terminalreporter.line("On Debian, as root, .ci/run installs what is lacking first.")


def lacking(what: str) -> NoReturn:
    """Skip the test that asked, or fail it where everything must be there."""
    if os.environ.get("URSA_TEST_REQUIRE") == "1":  # noqa: TID251 - a setting of the tests alone
        pytest.fail(_LACK + what, pytrace=False)
    pytest.skip(_LACK + what)


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    # unconfigured, structlog draws a trace with all variables, which takes seconds
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ]
    )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium (start it with `--no-sandbox`: the tests may run as root)."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    lacking("Chromium")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of the database `postgres` on a server of this run's own."""
    folder = postgres.programs()
    if folder is None:
        lacking("PostgreSQL")
    with postgres.server(folder) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """The server's URL, once it holds a migrated database to copy from."""
    _statement(postgres_url, f'CREATE DATABASE "{_TEMPLATE}"')
    migrate.upgrade(_named(postgres_url, _TEMPLATE))
    return postgres_url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "ursa.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 192 MiB; only root may mount one."""
    if shutil.which("mount") is None:
        lacking("mount")
    # a short path: a server's Unix socket may lie there, whose name holds about 100 bytes
    folder = Path(tempfile.mkdtemp(prefix="ursa-disk-"))
    words = ["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """An empty migrated SQLite database."""
    path = tmp_path / "ursa.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(migrated_postgres: str) -> Iterator[str]:
    """An empty migrated PostgreSQL database."""
    name = f"ursa_test_{next(_numbers)}"
    _statement(migrated_postgres, f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
    yield _named(migrated_postgres, name)
    _statement(migrated_postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty migrated database; a test that asks for it runs on both kinds."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The way into an empty migrated database, on both kinds."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _statement(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def empty_url(database: Database, tmp_path: Path) -> Iterator[str]:
    """An empty database of the same kind."""
    if database.is_sqlite:
        yield f"sqlite:///{tmp_path / 'again' / 'ursa.db'}"
        return
    if shutil.which("pg_restore") is None:
        lacking("PostgreSQL's client programs")
    url = make_url(database.url).set(database="ursa_brought_back")
    _statement(database.url, 'CREATE DATABASE "ursa_brought_back"')
    yield url.render_as_string(hide_password=False)
    _statement(database.url, 'DROP DATABASE "ursa_brought_back" WITH (FORCE)')
