import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations, product
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from store import pictures, training_sets
from store.database import Database, Session
from store.errors import Conflict, NotFound
from store.objects import Objects
from store.pictures import PictureStore, Purpose
from store.tables import DuplicateGroup, StoredPicture
from store.training_sets import Row
from tests.store.given import CLASSES, NOW, digest, later, picture

STRENGTH: list[Purpose] = ["training", "audit", "golden"]


def record(database: Database, *names: str, purpose: Purpose = "training") -> None:
    with database.write() as session:
        pictures.record(session, [picture(name) for name in names], purpose, NOW)


def purpose_of(session: Session, name: str) -> str:
    return pictures.purposes(session, [digest(name)])[digest(name)][1]


def freeze(database: Database, *names: str) -> str:
    rows = [Row(digest(name), "teddy", "train", "folder") for name in names]
    with database.write() as session:
        return training_sets.freeze(session, CLASSES, rows, NOW).id


def standing(database: Database, training_set: str) -> set[str]:
    with database.read() as session:
        return {row.picture_digest for row in training_sets.rows(session, training_set)}


def test_bytes_are_kept_by_their_digest(tmp_path: Path) -> None:
    shelf = PictureStore(Objects(str(tmp_path)))
    kept = shelf.keep(b"a picture")
    assert kept == hashlib.sha256(b"a picture").hexdigest() == shelf.keep(b"a picture")
    assert shelf.read(kept) == b"a picture"
    with pytest.raises(NotFound):
        shelf.read(digest("another"))


def test_a_picture_is_recorded_once_however_many_record_it(database: Database) -> None:
    names = [str(number) for number in range(40)]

    def shuffled(turn: int) -> None:
        record(database, *names[turn * 5 :], *names[: turn * 5], *names[:3])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(shuffled, range(8)))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(StoredPicture)) == 40
        assert session.scalar(select(func.count()).select_from(DuplicateGroup)) == 40


def test_more_pictures_than_a_statement_takes_parameters(database: Database) -> None:
    many = [picture(number) for number in range(1200)]
    with database.write() as session:
        pictures.record(session, many[:700], "golden", NOW)
        pictures.record(session, many, "training", NOW)
    with database.read() as session:
        found = pictures.purposes(session, [one.digest for one in many])
    assert Counter(purpose for _, purpose in found.values()) == {"golden": 700, "training": 500}


@pytest.mark.parametrize("first", STRENGTH)
def test_a_known_picture_takes_the_stronger_purpose(database: Database, first: Purpose) -> None:
    for second in STRENGTH:
        name = f"{first} then {second}"
        record(database, name, purpose=first)
        record(database, name, purpose=second)
        with database.read() as session:
            assert purpose_of(session, name) == max(first, second, key=STRENGTH.index)


def test_when_groups_merge_the_strongest_purpose_wins_in_any_order(database: Database) -> None:
    for number, order in enumerate(permutations(STRENGTH)):
        names = [f"{number} {purpose}" for purpose in order]
        for name, purpose in zip(names, order, strict=True):
            record(database, name, purpose=purpose)
        with database.write() as session:
            stays = pictures.merge_groups(session, [digest(name) for name in names], later(days=1))
            found = pictures.purposes(session, [digest(name) for name in names])
        assert stays == min(digest(name) for name in names)
        assert set(found.values()) == {(stays, "golden")}


def test_merging_what_is_one_group_already_changes_nothing(database: Database) -> None:
    record(database, "a")
    with database.write() as session:
        assert pictures.merge_groups(session, [digest("a"), digest("a")], NOW) == digest("a")
        with pytest.raises(NotFound):
            pictures.merge_groups(session, [digest("a"), digest("nobody's")], NOW)


def test_training_pictures_that_merge_stay_in_their_set(database: Database) -> None:
    record(database, "a", "b")
    training_set = freeze(database, "a", "b")
    with database.write() as session:
        stays = pictures.merge_groups(session, [digest("a"), digest("b")], NOW)
        assert training_sets.seen_groups(session, [training_set]) == {stays}
    assert standing(database, training_set) == {digest("a"), digest("b")}


@pytest.mark.parametrize("audited", ["smallest", "largest"])
def test_rows_whose_group_is_lost_to_training_are_withdrawn_not_deleted(
    database: Database, audited: str
) -> None:
    names = sorted(["a", "b", "c"], key=digest)
    audit = names[0] if audited == "smallest" else names[-1]
    rest = [name for name in names if name != audit]
    record(database, *rest)
    record(database, audit, purpose="audit")
    training_set = freeze(database, *rest)
    with database.write() as session:
        pictures.merge_groups(session, [digest(rest[0]), digest(audit)], later(days=1))
        assert purpose_of(session, rest[0]) == "audit"
    assert standing(database, training_set) == {digest(rest[1])}
    with database.read() as session:
        assert len(training_sets.rows(session, training_set, withdrawn=True)) == 2


def test_raising_a_purpose_withdraws_too(database: Database) -> None:
    record(database, "a", "b")
    training_set = freeze(database, "a", "b")
    record(database, "a", purpose="golden")
    assert standing(database, training_set) == {digest("b")}


RAW = (
    "INSERT INTO training_rows (training_set_id, picture_digest, group_id, purpose, withdrawn_at, label, split, source)"
    " VALUES (:training_set, :picture, :grp, :purpose, NULL, 'teddy', 'train', 'folder')"
)


def test_the_database_itself_keeps_audit_and_golden_pictures_out_of_training(
    database: Database,
) -> None:
    record(database, "honest")
    record(database, "audit", purpose="audit")
    record(database, "golden", purpose="golden")
    training_set = freeze(database, "honest")
    claims = (None, "training", "audit", "golden")
    for name, claimed, group in product(("audit", "golden"), claims, ("its own", "honest")):
        row = {
            "training_set": training_set, "picture": digest(name), "purpose": claimed,
            "grp": digest(name if group == "its own" else group),
        }  # fmt: skip
        with pytest.raises(Conflict), database.write() as session:
            session.execute(text(RAW), row)


def test_the_database_takes_the_same_row_for_a_training_picture(database: Database) -> None:
    record(database, "honest", "other")
    training_set = freeze(database, "honest")
    row = {"training_set": training_set, "picture": digest("other"), "purpose": "training"}
    with database.write() as session:
        session.execute(text(RAW), row | {"grp": digest("other")})
    assert digest("other") in standing(database, training_set)


def test_the_database_itself_refuses_to_move_a_training_group_to_the_audit(
    database: Database,
) -> None:
    record(database, "a")
    freeze(database, "a")
    with pytest.raises(Conflict), database.write() as session:
        session.execute(text("UPDATE duplicate_groups SET purpose = 'audit'"))


def test_fingerprints_are_kept_beside_the_group(database: Database) -> None:
    record(database, "a", "b")
    with database.write() as session:
        pictures.set_fingerprints(session, {digest("a"): "ff00"})
        assert pictures.fingerprints(session) == {digest("a"): ("ff00", digest("a"))}


def test_a_picture_that_was_never_recorded_is_not_found(database: Database) -> None:
    with database.read() as session:
        assert pictures.purposes(session, [digest("nothing")]) == {}
        with pytest.raises(NotFound):
            pictures.get(session, digest("nothing"))
    with database.write() as session, pytest.raises(NotFound):
        pictures.raise_purpose(session, digest("nothing"), "audit", NOW)
