import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from store import bundles
from store.bundles import BundleStore
from store.database import Database
from store.errors import Invalid, NotFound, Unavailable
from store.objects import MARKS, Objects
from store.tables import StoredBundle
from tests.disks import full
from tests.store.given import NOW, digest


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "samples").mkdir(parents=True)
    files = {"network.onnx": b"network", "samples/one.png": b"picture"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    names = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": names}))
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> BundleStore:
    return BundleStore(Objects(str(tmp_path / "storage")), tmp_path / "cache")


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_bundle_is_named_by_its_manifest_and_comes_back_whole(
    shelf: BundleStore, bundle: Path
) -> None:
    kept = shelf.keep(bundle)
    assert kept == hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    assert content(shelf.fetch(kept)) == content(bundle)


def test_many_fetch_at_once_and_all_get_it(
    shelf: BundleStore, bundle: Path, tmp_path: Path
) -> None:
    kept = shelf.keep(bundle)
    with ThreadPoolExecutor(8) as readers:
        folders = list(readers.map(shelf.fetch, [kept] * 8))
    assert all(content(folder) == content(bundle) for folder in folders)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [kept]


def test_a_local_copy_is_used_until_it_is_forgotten(shelf: BundleStore, bundle: Path) -> None:
    kept = shelf.keep(bundle)
    (shelf.fetch(kept) / "network.onnx").write_bytes(b"damaged here")
    assert (shelf.fetch(kept) / "network.onnx").read_bytes() == b"damaged here"
    shelf.forget(kept)
    assert (shelf.fetch(kept) / "network.onnx").read_bytes() == b"network"


def test_a_damaged_local_copy_is_replaced(shelf: BundleStore, bundle: Path, tmp_path: Path) -> None:
    kept = shelf.keep(bundle)
    (shelf.fetch(kept) / "network.onnx").write_bytes(b"damaged here")
    assert content(shelf.fetch(kept, anew=True)) == content(bundle)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [kept]


def test_a_bundle_that_was_altered_in_the_storage_is_refused(
    shelf: BundleStore, bundle: Path, tmp_path: Path
) -> None:
    kept = shelf.keep(bundle)
    (tmp_path / f"storage/bundles/{kept}/manifest.json").write_text('{"files": {}}')
    with pytest.raises(Invalid) as refused:
        shelf.fetch(kept)
    assert refused.value.code == "bundle_altered"


def test_a_cache_without_room_is_told_and_holds_no_half_copy(
    bundle: Path, tmp_path: Path, small_disk: Path
) -> None:
    shelf = BundleStore(Objects(str(tmp_path / "storage")), small_disk / "cache")
    kept = shelf.keep(bundle)
    for anew in (False, True):
        with full(small_disk), pytest.raises(Unavailable) as told:
            shelf.fetch(kept, anew=anew)
        assert (str(told.value), told.value.code) == (
            "The disk of the bundle cache is full.",
            "disk_full",
        )
        # when it was there already the whole one stays
        assert not any(content(one) != content(bundle) for one in small_disk.glob("cache/*"))
        assert content(shelf.fetch(kept)) == content(bundle)


def test_a_bundle_of_which_a_file_is_missing_leaves_no_half_copy(
    shelf: BundleStore, bundle: Path, tmp_path: Path
) -> None:
    kept = shelf.keep(bundle)
    (tmp_path / f"storage/bundles/{kept}/network.onnx").unlink()
    with pytest.raises(NotFound):
        shelf.fetch(kept)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"files": 1}', '{"files": {"../up": ""}}', '{"files": {"/a": ""}}'],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    shelf: BundleStore, bundle: Path, manifest: str, tmp_path: Path
) -> None:
    (bundle / "manifest.json").write_text(manifest)
    with pytest.raises(Invalid) as refused:
        shelf.keep(bundle)
    assert refused.value.code == "bundle_manifest"
    assert [one.name for one in (tmp_path / "storage").iterdir()] == [MARKS["storage"]]


def test_a_bundle_that_is_not_there_is_not_found(shelf: BundleStore) -> None:
    with pytest.raises(NotFound):
        shelf.fetch(digest("nothing"))


def test_a_bundle_is_recorded_once(database: Database) -> None:
    for _ in range(2):
        with database.write() as session:
            bundles.record(session, digest("bundle"), 10, NOW)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(StoredBundle)) == 1
