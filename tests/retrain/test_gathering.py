import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from classifier.pictures import open_picture
from retrain import gathering
from retrain.duplicates import fingerprint
from retrain.gathering import Gathered
from retrain.grouping import keep_fingerprints
from retrain.progress import nobody
from retrain.splitting import place
from store import pictures, rollouts, training_sets
from store.database import Database
from store.errors import NotFound
from store.tables import ModelVersion
from store.training_sets import Row
from tests.retrain.given import COLOUR, ME, World, program_in
from tests.toy import draw


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(program_in(tmp_path, database))


def parent(world: World, pictures_of_each: int = 6) -> ModelVersion:
    """A version at `full` that learned from a few toy pictures, none of them golden."""
    rows = []
    for name, colour in COLOUR.items():
        digests = (world.keep(draw(colour, seed)) for seed in range(pictures_of_each))
        rows += [Row(one, name, "train", "folder") for one in digests]
    return world.version(rows)


def seeds(colour: int, where: str, many: int = 1) -> list[int]:
    """Seeds of new toy pictures whose own group falls into a share."""
    found: list[int] = []
    seed = 1000
    while len(found) < many:
        seed += 1
        group = hashlib.sha256(draw(colour, seed)).hexdigest()
        if (place(group) == "golden") == (where == "golden"):
            found.append(seed)
    return found


def enlarged(data: bytes) -> bytes:
    file = BytesIO()
    with Image.open(BytesIO(data)) as image:
        image.resize((image.width * 2, image.height * 2)).save(file, "png")
    return file.getvalue()


def gather(world: World) -> Gathered:
    return gathering.gather(world.program, nobody)


def purpose(world: World, digest: str) -> str:
    with world.program.database.read() as session:
        return pictures.purposes(session, [digest])[digest][1]


def test_without_a_version_there_is_nothing_to_go_on_from(world: World) -> None:
    with pytest.raises(NotFound, match="first-model"):
        gather(world)


def test_nothing_said_is_nothing_new(world: World) -> None:
    version = parent(world)
    found = gather(world)
    assert (found.parent.id, found.rows, found.learned.new) == (version.id, [], 0)


def test_new_labels_join_the_rows_of_the_version_before(world: World) -> None:
    parent(world)
    [seed] = seeds(0, "training")
    digest = world.say(draw(0, seed), "red")
    found = gather(world)
    assert found.learned.new == 1
    assert len(found.rows) == 13
    [row] = [one for one in found.rows if one.picture_digest == digest]
    assert (row.label, row.source, row.split) == ("red", "human_blind", place(digest))
    assert row.label_id is not None
    kept = gathering.freeze(world.program, found)
    assert kept.parent_id == found.parent.training_set_id
    # the same labels are the same set
    assert gathering.freeze(world.program, gather(world)).id == kept.id


def test_the_golden_share_of_new_labels_is_set_apart_before_anything_is_frozen(
    world: World,
) -> None:
    parent(world)
    [seed] = seeds(1, "golden")
    digest = world.say(draw(1, seed), "blue")
    found = gather(world)
    assert (found.learned.new, found.learned.golden, found.rows) == (0, 1, [])
    assert purpose(world, digest) == "golden"


def test_audited_pictures_never_train(world: World) -> None:
    parent(world)
    [seed] = seeds(1, "training")
    digest = world.say(draw(1, seed), "blue", audited=True)
    found = gather(world)
    assert (found.learned.new, found.learned.audit) == (0, 1)
    assert purpose(world, digest) == "audit"


def test_a_smaller_copy_of_an_audited_picture_never_trains_either(world: World) -> None:
    parent(world)
    [seed] = seeds(1, "training")
    data = draw(1, seed)
    world.say(data, "blue", audited=True)
    twin = world.say(enlarged(data), "blue")
    found = gather(world)
    assert (found.learned.new, found.learned.audit) == (0, 2)
    assert purpose(world, twin) == "audit"


def test_a_row_that_the_audit_drew_later_is_not_taken_again(world: World) -> None:
    parent(world)
    drawn = draw(0, 0)
    world.say(drawn, "red", audited=True)
    [seed] = seeds(0, "training")
    world.say(draw(0, seed), "red")
    found = gather(world)
    assert found.learned.new == 1
    assert len(found.rows) == 12


def test_what_people_say_of_a_training_picture_replaces_its_folder(world: World) -> None:
    parent(world)
    digest = world.say(draw(0, 0), "blue")
    found = gather(world)
    assert (found.learned.new, found.learned.relabelled) == (1, 1)
    [row] = [one for one in found.rows if one.picture_digest == digest]
    assert (row.label, row.source, row.split) == ("blue", "human_blind", "train")
    assert len(found.rows) == 12


def test_the_same_label_again_is_nothing_new(world: World) -> None:
    parent(world)
    world.say(draw(0, 0), "red")
    assert gather(world).learned.new == 0


def test_a_picture_like_one_that_was_learned_from_stays_in_its_split(world: World) -> None:
    parent(world)
    said = [world.say(enlarged(draw(0, seed)), "red") for seed in range(6)]
    # as the first model's command hashes them
    with world.program.database.read() as session:
        rows = training_sets.rows(session, gathering.parent_version(session).training_set_id or "")
    read = world.program.pictures.read
    keep_fingerprints(
        world.program,
        {r.picture_digest: fingerprint(open_picture(read(r.picture_digest))) for r in rows},
    )
    found = gather(world)
    splits = {row.picture_digest: row.split for row in found.rows}
    assert {splits[one] for one in said if one in splits} == {"train"}
    assert found.learned.new == 6


def test_unknown_classes_and_lost_pictures_are_counted_and_left_out(world: World) -> None:
    parent(world)
    first, second = seeds(0, "training", 2)
    world.say(draw(2, 5000), "green")
    world.say(draw(0, first), "red")
    lost = world.say(draw(0, second), "red")
    (Path(str(world.program.settings.store.storage_url)) / "pictures" / lost[:2] / lost).unlink()
    found = gather(world)
    learned = found.learned
    assert learned.unreadable == 1
    # a picture of an unknown class may fall into the golden share as well
    assert learned.unknown_class + learned.golden == 1
    assert learned.new == 1


def test_how_the_new_labels_were_chosen_is_counted(world: World) -> None:
    parent(world)
    for seed in seeds(0, "training", 3):
        world.say(draw(0, seed), "red", blind=seed % 2 == 0)
    learned = gather(world).learned
    assert (learned.new, learned.uniform, learned.uniform_share) == (3, 0, 0.0)
    assert learned.by_reason == {"domain": 3}


def test_a_new_version_goes_on_from_who_answers_else_from_the_candidate(world: World) -> None:
    first = world.version(stage=None)
    assert gather(world).parent.id == first.id
    candidate = world.version(stage="manual")
    assert gather(world).parent.id == candidate.id
    with world.program.database.write() as session:
        rollout = rollouts.of_version(session, candidate.id)
        assert rollout is not None
        rollouts.move(session, rollout.id, "promote", ME, "a test", world.program.clock())
    world.version(stage="manual")
    assert gather(world).parent.id == candidate.id
