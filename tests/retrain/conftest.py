"""One first model for all tests that need one: trained once from toy pictures, copied for each test."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from retrain.first_model import FirstModel, Options, first_model
from retrain.program import Program
from retrain.progress import nobody
from store.database import Database
from tests.retrain.given import World, program_in, toy_folder
from tests.toy import draw

SMALL = Options(
    size=32,
    epochs=4,
    architecture="resnet10t",
    seed=1,
    batch_size=16,
    device="cpu",
    scratch=True,
)


@pytest.fixture(scope="session")
def trained(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, FirstModel]:
    """A folder with database, storage and the pictures that a first model was trained from; and that model."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copyfile(migrated_sqlite, folder / "ursa.db")
    pictures = toy_folder(folder / "pictures", per_class=50)
    (pictures / "red" / "notes.txt").write_text("no picture")
    (pictures / "blue" / "copy.png").write_bytes((pictures / "red" / "3.png").read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        database = Database(f"sqlite:///{folder / 'ursa.db'}")
        made = first_model(program_in(folder, database), pictures, SMALL, nobody)
        database.dispose()
    return folder, made


@pytest.fixture
def open_copy(trained: tuple[Path, FirstModel], tmp_path: Path) -> Iterator[Callable[[], Program]]:
    """A function that opens the program of a copy of what was trained; every call opens the same copy."""
    folder = tmp_path / "copy"
    shutil.copytree(trained[0], folder)
    with ExitStack() as closing:

        def opened() -> Program:
            database = Database(f"sqlite:///{folder / 'ursa.db'}")
            closing.callback(database.dispose)
            return program_in(folder, database)

        yield opened


@pytest.fixture
def world(open_copy: Callable[[], Program]) -> World:
    """The copy, with a person who can label."""
    return World(open_copy())


def label_some(world: World, many: int = 12) -> None:
    """People settle what new toy pictures show; some of them fall into the golden share."""
    for seed in range(many):
        world.say(draw(seed % 2, 700 + seed), ("red", "blue")[seed % 2])
