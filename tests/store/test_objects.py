"""The order of system calls is what a power cut tests; here it is read off twice, by wrapping and by strace."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store import room, stops
from store.errors import NotFound, Unavailable
from store.objects import MARKS, Objects
from store.rollouts import Actor
from tests.conftest import lacking
from tests.store.given import NOW

ROOT = Path(__file__).parents[2]
KEY = "pictures/ab/picture"
MARK = MARKS["storage"]

PUT = """
import os, sys
from store.objects import Objects
Objects(sys.argv[1]).put(sys.argv[2], b"bytes of a picture")
os.write(1, b"returned")
"""

RECORDED = """
import json, os, sys
calls, fsync, replace = [], os.fsync, os.replace
def path_of(fd):
    return os.readlink(f"/proc/self/fd/{fd}")
def recorded_fsync(fd):
    fsync(fd)
    calls.append(["fsync", path_of(fd), os.fstat(fd).st_size])
def recorded_replace(source, target, **more):
    replace(source, target, **more)
    calls.append(["rename", str(source), str(target)])
os.fsync, os.replace = recorded_fsync, recorded_replace
from store.objects import Objects
Objects(sys.argv[1]).put(sys.argv[2], b"bytes of a picture")
print(json.dumps(calls))
"""


def child(*before: str, script: str, folder: Path) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-c", script, str(folder), KEY],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def folders(root: Path) -> list[str]:
    return [str(root / "pictures/ab"), str(root / "pictures"), str(root)]


def test_bytes_then_name_then_folders_are_on_the_disk_before_put_returns(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    calls = json.loads(child(script=RECORDED, folder=root))
    assert calls.pop(0)[:2] == ["fsync", str(tmp_path)]  # the storage's own folder
    assert calls.pop(0)[:2] == ["fsync", str(root)]  # its mark
    (synced, temporary, size), (renamed, source, target) = calls[:2]
    assert (synced, size) == ("fsync", len(b"bytes of a picture"))
    assert (renamed, source, target) == ("rename", temporary, str(root / KEY))
    assert [call[:2] for call in calls[2:]] == [["fsync", one] for one in folders(root)]


def test_the_kernel_sees_the_same_order(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        lacking("strace")
    if subprocess.run(["strace", "true"], stderr=-3).returncode:
        pytest.skip("strace may not look here; the test above reads the order off in its own way")
    root, trace = tmp_path / "storage", tmp_path / "trace"
    Objects(str(root))  # so that its mark is none of what is looked at
    only = "trace=write,fsync,rename,renameat,renameat2"
    child("strace", "-f", "-y", "-o", str(trace), "-e", only, script=PUT, folder=root)
    patterns = [
        rf"write\(\d+<{root}/pictures/ab/\.new-\w+>, \"bytes of a picture\"",
        rf"fsync\(\d+<{root}/pictures/ab/\.new-\w+>\)\s+= 0",
        rf"rename\w*\(.*{root}/pictures/ab/\.new-\w+\".*\"{root}/{KEY}\".*= 0",
        *[rf"fsync\(\d+<{one}>\)\s+= 0" for one in folders(root)],
        r"write\(1<.*\"returned\"",
    ]
    lines = trace.read_text().splitlines()
    places = [
        next((at for at, line in enumerate(lines) if re.search(pattern, line)), -1)
        for pattern in patterns
    ]
    assert -1 not in places
    assert places == sorted(places)


def test_what_was_put_comes_back_and_leaves_no_other_file(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path))
    for _ in range(2):
        objects.put(KEY, b"\x00picture")
    assert objects.get(KEY) == b"\x00picture"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["picture"]


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    Objects(f"file://{tmp_path}").put(KEY, b"x")
    assert Objects(str(tmp_path)).get(KEY) == b"x"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up", "a/../../up", "a//b", "a/", "a b", "a\x00b", "a\nb", "a/b\n"],
)
def test_names_that_this_system_does_not_make_are_refused(tmp_path: Path, key: str) -> None:
    objects = Objects(str(tmp_path / "storage"))
    with pytest.raises(ValueError, match="not a key"):
        objects.put(key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        objects.get(key)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [MARK, "storage"]


def test_what_was_never_put_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Objects(str(tmp_path)).get(KEY)


def test_a_storage_that_cannot_be_written_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path))
    (tmp_path / "pictures").write_bytes(b"a file where a folder should be")
    with pytest.raises(Unavailable) as refused:
        objects.put(KEY, b"x")
    assert refused.value.code == "storage_unavailable"
    assert sorted(path.name for path in tmp_path.iterdir()) == [MARK, "pictures"]


def test_a_disk_that_is_full_leaves_no_half_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    objects = Objects(str(tmp_path))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable, match="no space left"):
        objects.put(KEY, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_disk_that_is_nearly_full_says_what_is_there_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Objects(str(tmp_path)).put(KEY, b"x")
    monkeypatch.setattr(room, "LEAST_BYTES", 2**62)
    objects = Objects(str(tmp_path), there=True)
    with pytest.raises(NotFound):
        objects.get("stops/killed")
    stops.put(objects, stops.Stop(stops.KILLED, Actor("person", "olga"), "smoke", NOW), NOW)
    assert objects.get(KEY) == b"x"
    assert stops.find(objects, stops.KILLED) is not None
    with pytest.raises(Unavailable, match="is full"):
        objects.probe()


def test_the_probe_changes_nothing_and_sees_a_storage_that_is_gone(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "storage"))
    objects.probe()
    assert [one.name for one in (tmp_path / "storage").iterdir()] == [MARK]
    shutil.rmtree(tmp_path / "storage")
    with pytest.raises(Unavailable):
        objects.probe()
    with pytest.raises(Unavailable):
        objects.get(KEY)


def test_where_a_disk_is_not_mounted_any_more_nothing_is_kept_or_looked_for(tmp_path: Path) -> None:
    disk, place = tmp_path / "disk", tmp_path / "storage"
    objects = Objects(str(place))
    objects.put(KEY, b"x")
    place.rename(disk)
    place.mkdir()  # what it was mounted over
    for ask in (
        objects.probe,
        lambda: objects.get(KEY),
        lambda: objects.put("pictures/cd/e", b"y"),
    ):
        with pytest.raises(Unavailable, match="may not be mounted"):
            ask()
    with pytest.raises(Unavailable, match="may not be mounted"):
        Objects(str(place), there=True)
    assert list(place.iterdir()) == []
    place.rmdir()
    disk.rename(place)
    assert objects.get(KEY) == b"x"
    objects.probe()


def test_a_storage_without_a_mark_is_given_one_and_one_that_is_only_read_goes_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Objects(str(tmp_path)).put(KEY, b"x")
    (tmp_path / MARK).rmdir()

    def only_read(_path: Path, **_: bool) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", only_read)
        assert Objects(str(tmp_path), there=True).get(KEY) == b"x"
    assert not (tmp_path / MARK).exists()
    assert Objects(str(tmp_path), there=True).get(KEY) == b"x"
    assert (tmp_path / MARK).is_dir()


def test_a_backup_is_not_taken_for_a_storage_nor_a_storage_for_a_backup(tmp_path: Path) -> None:
    Objects(str(tmp_path / "one"))
    Objects(str(tmp_path / "two"), name="backup")
    with pytest.raises(Unavailable, match="is a storage and no backup"):
        Objects(str(tmp_path / "one"), name="backup")
    for there in (False, True):
        with pytest.raises(Unavailable, match="is a backup and no storage"):
            Objects(str(tmp_path / "two"), there=there)
