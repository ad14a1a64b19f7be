"""Bytes whose row never came go a day later, as those of a row that went; what is young, named or sent again stays."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from store.objects import Objects
from store.pictures import key_of
from store.strays import AGE
from store.tables import RetiredPicture
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


def test_bytes_without_a_row_are_laid_aside_after_a_day_and_go_after_another(kept: Kept) -> None:
    old, young = LATER - AGE - timedelta(minutes=1), LATER - AGE + timedelta(minutes=1)
    strays = [put(kept, str(number).encode(), old) for number in range(40)]
    new = put(kept, b"new", young)
    named = kept.entry(1000, "rule")
    assert named.picture is not None
    kept.answer(named)
    put(kept, b"1000", old)
    files = [half(kept, strays[0], old), half(kept, new, young)]
    assert kept.take().pictures == 40
    assert [path.exists() for path in files] == [False, True]
    # a reader finds them for a day more
    assert all(kept.has_bytes(one) for one in (*strays, new, named.picture.digest))
    kept.take(LATER + timedelta(minutes=1))
    assert all(kept.has_bytes(one) for one in strays)
    kept.objects.put(key_of(new), b"new")
    kept.take(LATER + AGE)
    assert not any(kept.has_bytes(one) for one in strays)
    assert kept.has_bytes(named.picture.digest)


def test_a_stray_that_is_sent_again_is_never_lost(kept: Kept) -> None:
    entry = kept.entry(1)
    assert entry.picture is not None
    digest = put(kept, b"1", NOW - 2 * AGE)
    assert kept.take(NOW).pictures == 1
    # whoever sent it again had found the bytes, and its row comes now
    kept.answer(entry)
    assert kept.has_bytes(digest)
    kept.take(NOW + AGE + timedelta(minutes=1))
    assert kept.objects.get(key_of(digest)) == b"1"
    with kept.database.read() as session:
        assert session.get(RetiredPicture, digest) is None


def test_a_storage_that_is_away_is_not_taken_for_an_empty_one(kept: Kept) -> None:
    put(kept, b"1", LATER - 2 * AGE)
    storage = kept.folder / "storage"
    storage.rename(kept.folder / "away")
    storage.mkdir()
    with pytest.raises(Exception, match="may not be mounted"):
        kept.take()


def test_what_was_altered_is_written_anew_when_it_is_sent_again(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "storage"))
    objects.put("pictures/ab/abc", b"the right bytes")
    path = tmp_path / "storage" / "pictures/ab/abc"
    for altered in (b"", b"the wrong bytes"):
        path.write_bytes(altered)
        objects.put("pictures/ab/abc", b"the right bytes")
        assert path.read_bytes() == b"the right bytes"
