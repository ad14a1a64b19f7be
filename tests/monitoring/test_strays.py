"""Bytes whose row never came: counted once they are a day old, and what was half written goes."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from store import retired, strays
from store.errors import Unavailable
from store.objects import Objects
from store.pictures import aside, key_of
from store.strays import AGE
from tests.monitoring.kept import LATER, Kept
from tests.store.given import NOW


def put(kept: Kept, data: bytes, at: datetime) -> str:
    """Keep a picture at a moment; no row comes."""
    digest = kept.pictures.keep(data)
    path = kept.folder / "storage" / key_of(digest)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return digest


def half(kept: Kept, digest: str, at: datetime) -> Path:
    """What a kill has left beside a picture."""
    path = (kept.folder / "storage" / key_of(digest)).with_name(".new-abc_123")
    path.write_bytes(b"half")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_bytes_without_a_row_are_counted_and_what_is_half_written_goes(kept: Kept) -> None:
    old, young = LATER - AGE - timedelta(minutes=1), LATER - AGE + timedelta(minutes=1)
    lost = [put(kept, str(number).encode(), old) for number in range(40)]
    new = put(kept, b"new", young)
    named = kept.entry(1000, "rule")
    assert named.picture is not None
    kept.answer(named)
    put(kept, b"1000", old)
    files = [half(kept, lost[0], old), half(kept, new, young)]
    assert strays.count(kept.database, kept.objects, LATER) == 40
    kept.take()
    assert [path.exists() for path in files] == [False, True]
    assert all(kept.has_bytes(one) for one in (*lost, new, named.picture.digest))


def test_what_a_service_has_noted_goes_but_for_what_has_a_row_by_then(kept: Kept) -> None:
    gone, sent_again, named = (kept.entry(number) for number in range(3))
    digests = [one.prediction.picture_digest for one in (gone, sent_again, named)]
    kept.answer(named)
    with kept.database.write() as session:
        assert retired.retire(session, digests, LATER) == 2
    # noted already
    assert strays.count(kept.database, kept.objects, LATER + AGE) == 0
    kept.take(LATER - timedelta(days=300))
    kept.answer(sent_again)
    kept.take(LATER - timedelta(days=298))
    assert [kept.has_bytes(one) for one in digests] == [False, True, True]


def test_what_has_rotted_aside_is_not_put_back_over_what_was_sent_again(kept: Kept) -> None:
    old = kept.entry(1)
    kept.answer(old)
    digest = old.prediction.picture_digest
    kept.take()
    (kept.folder / "storage" / aside(digest)).write_bytes(b"rotten")
    assert kept.pictures.keep(b"1") == digest
    again = kept.entry(int((LATER - NOW).total_seconds()))
    kept.answer(
        replace(
            again, prediction=replace(again.prediction, picture_digest=digest), picture=old.picture
        )
    )
    kept.take(LATER + 2 * AGE)
    assert kept.objects.get(key_of(digest)) == b"1"


def test_a_storage_that_is_away_is_not_taken_for_an_empty_one(kept: Kept) -> None:
    put(kept, b"1", LATER - 2 * AGE)
    (kept.folder / "storage").rename(kept.folder / "away")
    (kept.folder / "storage").mkdir()
    with pytest.raises(Unavailable, match="may not be mounted"):
        strays.count(kept.database, kept.objects, LATER)


def test_what_was_altered_is_written_anew_when_it_is_sent_again(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "storage"))
    objects.put("pictures/ab/abc", b"the right bytes")
    path = tmp_path / "storage" / "pictures/ab/abc"
    for altered in (b"", b"the wrong bytes"):
        path.write_bytes(altered)
        objects.put("pictures/ab/abc", b"the right bytes")
        assert path.read_bytes() == b"the right bytes"
