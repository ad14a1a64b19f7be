import errno
import tempfile
from pathlib import Path

import pytest

from store import room
from store.errors import Unavailable
from tests.disks import full


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_one_sentence(number: int) -> None:
    with pytest.raises(Unavailable) as told, room.told("bundle cache"):
        raise OSError(number, "what the system says")
    assert (str(told.value), told.value.code) == (
        "The disk of the bundle cache is full.",
        "disk_full",
    )


def test_what_else_goes_wrong_stays_what_it_is() -> None:
    with pytest.raises(PermissionError), room.told("bundle cache"):
        raise PermissionError(errno.EACCES, "no")


def test_a_temporary_folder_needs_room_at_its_beginning_and_is_gone_at_its_end(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with (
        full(small_disk),
        pytest.raises(Unavailable, match="folder is full: 0 MiB"),
        room.temporary("ursa-"),
    ):
        pass
    with (
        pytest.raises(Unavailable, match="folder is full"),
        room.temporary("ursa-") as folder,
        full(small_disk),
    ):
        (folder / "one").write_bytes(b"one byte" * 4096)
    assert not list(small_disk.iterdir())


def test_where_nothing_temporary_can_be_written_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(Unavailable, match="no temporary folder"), room.temporary("ursa-"):
        pass
