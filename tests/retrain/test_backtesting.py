from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.progress import nobody
from retrain.retraining import compare
from store import pictures, training_sets
from store.database import Database
from store.models import NewBacktest
from store.tables import ModelVersion
from store.training_sets import Row
from tests.retrain.given import COLOUR, World, program_in
from tests.store.given import later
from tests.toy import draw

# which colour each class answers to: CLASSES are blue (1) and red (0)
RIGHT, WRONG = (1, 0), (0, 1)


@pytest.fixture
def world(tmp_path: Path, sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(program_in(tmp_path, database))
    database.dispose()


def golden(world: World, each: int, first: int = 0, said: dict[str, int] = COLOUR) -> list[str]:
    """Golden pictures that came in folders; `said`: which colour lay in which folder."""
    labels = {}
    for name, colour in said.items():
        for seed in range(first, first + each):
            labels[world.keep(draw(colour, seed))] = name
    with world.program.database.write() as session:
        for group, _ in set(pictures.purposes(session, list(labels)).values()):
            pictures.raise_purpose(session, group, "golden", later())
        training_sets.keep_golden(session, labels, later())
    return list(labels)


def against(world: World, candidate: ModelVersion) -> NewBacktest:
    return compare(world.program, candidate, nobody)


def test_a_candidate_that_is_right_where_the_incumbent_is_wrong_is_better(world: World) -> None:
    golden(world, 6)
    incumbent = world.version(order=WRONG)
    found = against(world, world.version(stage="manual", order=RIGHT))
    assert (found.verdict, found.against_id, found.pictures) == ("better", incumbent.id, 12)
    assert (found.accuracy, found.against_accuracy, found.difference) == (1.0, 0.0, 1.0)
    assert found.low is not None
    assert 0 < found.low < 1
    assert found.detail["by_class"]["red"] == {"pictures": 6, "right": 6, "against_right": 0}
    assert found.detail["by_source"]["folder"]["wins"] == 12


def test_a_candidate_that_is_wrong_is_worse(world: World) -> None:
    golden(world, 6)
    world.version(order=RIGHT)
    found = against(world, world.version(stage="manual", order=WRONG))
    assert (found.verdict, found.difference) == ("worse", -1.0)


def test_two_that_answer_alike_cannot_be_told_apart(world: World) -> None:
    golden(world, 6)
    world.version(order=RIGHT)
    found = against(world, world.version(stage="manual", order=RIGHT, gain=2.0))
    assert (found.verdict, found.difference) == ("cannot_tell", 0.0)


def test_without_labels_nobody_can_tell(world: World) -> None:
    world.version(order=RIGHT)
    found = against(world, world.version(stage="manual", order=WRONG))
    assert (found.verdict, found.pictures, found.accuracy, found.low) == (
        "cannot_tell",
        0,
        None,
        None,
    )


def test_a_first_version_is_measured_alone(world: World) -> None:
    golden(world, 4)
    found = against(world, world.version(stage="manual", order=RIGHT))
    assert (found.verdict, found.against_id, found.accuracy) == ("cannot_tell", None, 1.0)
    assert found.against_accuracy is None


def test_pictures_that_either_has_learned_from_do_not_count(world: World) -> None:
    unseen = golden(world, 3)
    one, other = world.keep(draw(0, 500)), world.keep(draw(0, 501))
    world.version([Row(one, "red", "train", "folder")], order=RIGHT)
    candidate = world.version([Row(other, "red", "train", "folder")], stage="manual", order=WRONG)
    with world.program.database.write() as session:
        for digest in (one, other):
            # withdrawn from both sets, but seen nevertheless
            pictures.raise_purpose(session, digest, "golden", later())
        training_sets.keep_golden(session, {one: "red", other: "red"}, later())
    assert against(world, candidate).pictures == len(unseen)


def test_of_a_group_of_duplicates_one_picture_counts(world: World) -> None:
    digests = golden(world, 3)
    with world.program.database.write() as session:
        groups = {group for group, _ in pictures.purposes(session, digests[:3]).values()}
        pictures.merge_groups(session, sorted(groups), later())
    world.version(order=RIGHT)
    assert against(world, world.version(stage="manual", order=RIGHT)).pictures == 4


def test_audited_answers_count_and_are_told_from_the_golden_ones(world: World) -> None:
    golden(world, 3)
    for seed in range(40, 44):
        world.say(draw(0, seed), "red", audited=True)
    world.version(order=WRONG)
    found = against(world, world.version(stage="manual", order=RIGHT))
    sources = {name: one["pictures"] for name, one in found.detail["by_source"].items()}
    assert sources == {"audit": 4, "folder": 6}


def test_answers_of_people_who_saw_the_models_do_not_count(world: World) -> None:
    world.say(draw(0, 40), "red", audited=True, blind=False)
    world.say(draw(0, 41), "red", audited=True, blind=True)
    world.version(order=RIGHT)
    assert against(world, world.version(stage="manual", order=RIGHT)).pictures == 1


def test_a_folder_that_people_contradict_is_left_out_and_counted(world: World) -> None:
    golden(world, 2)
    world.say(draw(0, 0), "blue")
    world.version(order=RIGHT)
    found = against(world, world.version(stage="manual", order=RIGHT))
    assert (found.pictures, found.detail["disputed"]) == (3, 1)


def test_gains_on_one_source_do_not_pay_for_losses_on_another(world: World) -> None:
    # people's pictures look the other way round, so that each model is right about one source only
    golden(world, 8)
    for seed in range(100, 140):
        digest = world.say(draw(0, seed), "blue", audited=True)
        assert digest
    world.version(order=RIGHT)
    found = against(world, world.version(stage="manual", order=WRONG))
    assert found.difference is not None
    assert found.difference > 0.3
    assert found.low is not None
    assert found.low > 0
    assert (found.verdict, found.detail["worse_on"]) == ("worse", ["folder"])
