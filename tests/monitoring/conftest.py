"""One toy bundle for all tests of monitoring, and a database in which it answers."""

from pathlib import Path

import pytest

from store.database import Database
from tests.monitoring.given import Watched
from tests.monitoring.kept import Kept
from tests.toy import toy_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy bundle with 120 held-out pictures."""
    return toy_bundle(tmp_path_factory.mktemp("toy") / "bundle")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose reference is too small for any verdict: its windows take no time."""
    return toy_bundle(tmp_path_factory.mktemp("small") / "bundle", held_out=40)


@pytest.fixture
def watched(database: Database, tmp_path: Path) -> Watched:
    """A monitor over an empty database; nothing answers yet."""
    return Watched(database, tmp_path)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another version of the toy: other held-out pictures, another calibration."""
    return toy_bundle(tmp_path_factory.mktemp("other") / "bundle", seed=1, gain=2.0)


@pytest.fixture
def kept(database: Database, tmp_path: Path) -> Kept:
    """An empty log, from which what is old is taken."""
    return Kept(database, tmp_path)
