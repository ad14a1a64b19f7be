"""A bundle is what was written, or it is refused: one kind of tampering each."""

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from classifier.bundle import BundleError, Sample, read_bundle, write_bundle
from classifier.manifest import REQUIRED, Reason, canonical
from tests.toy import CREATED, draw, toy_bundle, toy_contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_bundle(tmp_path / "bundle", weights=b"safe tensors")


def refusal(folder: Path) -> Reason:
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    assert str(caught.value).endswith(".")
    return caught.value.reason


def manifest(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return value


def sign(folder: Path, change: Callable[[dict[str, Any]], object] = lambda _: None) -> Path:
    """Writes a manifest that fits the files as they are now, and then changes it."""
    value = manifest(folder)
    value["files"] = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    change(value)
    (folder / "manifest.json").write_bytes(canonical(value))
    return folder


def rewrite(folder: Path, name: str, value: Any) -> Path:
    """Another file with a manifest that vouches for it."""
    (folder / name).write_bytes(value if isinstance(value, bytes) else canonical(value))
    return sign(folder)


def test_what_was_written_is_read(folder: Path) -> None:
    bundle = read_bundle(folder)
    contents = toy_contents()
    assert bundle.classes == ("bear", "teddy")
    assert bundle.created_at == CREATED
    assert bundle.architecture == "toy"
    assert bundle.network == contents.network
    assert bundle.preprocessing == contents.preprocessing
    assert bundle.temperature == 1.0
    assert bundle.samples == tuple(contents.samples)
    assert bundle.card == contents.card
    assert bundle.reference.save() == contents.reference.save()
    assert bundle.weights is not None
    assert bundle.weights.read_bytes() == b"safe tensors"
    assert bundle.size_bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_the_digest_is_that_of_the_manifest_and_the_same_for_the_same_contents(
    tmp_path: Path,
) -> None:
    one = write_bundle(tmp_path / "one", toy_contents())
    two = write_bundle(tmp_path / "two", toy_contents())
    assert one == two == read_bundle(tmp_path / "one").digest
    assert one == hashlib.sha256((tmp_path / "one" / "manifest.json").read_bytes()).hexdigest()
    other = write_bundle(tmp_path / "other", replace(toy_contents(), temperature=1.5))
    assert other != one


def test_weights_may_be_left_out(tmp_path: Path) -> None:
    assert read_bundle(toy_bundle(tmp_path / "bundle")).weights is None


def test_nothing_in_a_bundle_is_a_pickle(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with pytest.raises(
                (pickle.UnpicklingError, ValueError, EOFError, IndexError, KeyError)
            ):
                pickle.loads(path.read_bytes())  # noqa: S301 - our own file, which must not be one


def test_a_bundle_that_cannot_be_read_back_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="class names"):
        write_bundle(tmp_path / "bundle", replace(toy_contents(), classes=["bear", "bear"]))
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_never_written_over_another(folder: Path) -> None:
    before = read_bundle(folder).digest
    with pytest.raises(OSError, match="not empty"):
        write_bundle(folder, replace(toy_contents(), temperature=2.0))
    assert read_bundle(folder).digest == before
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", [*sorted(REQUIRED), "weights.safetensors", "samples/0.png"])
def test_a_changed_byte_in_any_file_is_seen(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert refusal(folder) == "digest"


def test_every_digest_is_checked_before_anything_is_parsed(folder: Path) -> None:
    for name in ("classes.json", "preprocessing.json", "reference.npz"):
        (folder / name).write_bytes(b"x" * (folder / name).stat().st_size)
    sign(folder)
    (folder / "weights.safetensors").write_bytes(b"SAFE TENSORS")
    assert refusal(folder) == "digest"


@pytest.mark.parametrize("name", [*sorted(REQUIRED), "manifest.json", "samples/1.png"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == "missing_file"


def test_a_file_that_no_manifest_vouches_for_is_refused(folder: Path) -> None:
    sign(folder, lambda value: value["files"].pop("network.onnx"))
    assert refusal(folder) == "missing_file"


def test_no_folder_is_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "missing_file"
    (tmp_path / "file").write_bytes(b"")
    assert refusal(tmp_path / "file") == "missing_file"


@pytest.mark.parametrize("name", ["more.txt", "samples/extra.png", "deep/er/file", ".hidden"])
def test_a_file_too_many_is_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    assert refusal(folder) == "extra_file"


def test_another_size_is_refused(folder: Path) -> None:
    with (folder / "network.onnx").open("ab") as file:
        file.write(b"x")
    assert refusal(folder) == "size"


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json",
        "samples/../../outside.png",
        "/etc/passwd",
        "samples\\0.png",
        "samples/.png",
        "samples/a/b.png",
        "samples/A.png",
        "model.pkl",
        "./card.json",
        "card.json\n",
        "",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "outside.json").write_bytes(b"{}")
    entry = {"sha256": hashlib.sha256(b"{}").hexdigest(), "size": 2}
    sign(folder, lambda value: value["files"].update({name: entry}))
    assert refusal(folder) == "path"


def test_links_are_never_followed(folder: Path) -> None:
    outside = folder.parent / "outside.onnx"
    (folder / "network.onnx").rename(outside)
    (folder / "network.onnx").symlink_to(outside)
    assert refusal(folder) == "link"


def test_a_linked_folder_and_a_linked_manifest_are_refused(folder: Path) -> None:
    (folder / "samples").rename(folder.parent / "samples")
    (folder / "samples").symlink_to(folder.parent / "samples")
    assert refusal(folder) == "link"
    (folder / "samples").unlink()
    (folder.parent / "samples").rename(folder / "samples")
    (folder / "manifest.json").rename(folder.parent / "manifest.json")
    (folder / "manifest.json").symlink_to(folder.parent / "manifest.json")
    assert refusal(folder) == "link"


def test_a_file_that_is_none_is_refused(folder: Path) -> None:
    (folder / "card.json").unlink()
    os.mkfifo(folder / "card.json")
    assert refusal(folder) == "link"


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(format=2),
        lambda value: value.pop("format"),
        lambda value: value.update(files=[]),
        lambda value: value.update(created_at="yesterday"),
        lambda value: value.update(created_at=datetime(2026, 1, 1).isoformat()),  # noqa: DTZ001 - what is refused
        lambda value: value.update(classes=3),
        lambda value: value["files"]["card.json"].update(sha256="A" * 64),
        lambda value: value["files"]["card.json"].update(sha256=None),
        lambda value: value["files"]["card.json"].update(size=-1),
        lambda value: value["files"]["card.json"].update(size=True),
        lambda value: value["files"]["card.json"].update(size=2**40),
        lambda value: value.update(note="unknown"),
        lambda value: value["files"].update(
            {f"samples/{i}.png": value["files"]["card.json"] for i in range(200)}
        ),
    ],
)
def test_a_manifest_that_says_nonsense_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    assert refusal(sign(folder, change)) == "format"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_a_manifest_that_is_none_is_refused(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    assert refusal(folder) == "format"


def test_a_manifest_has_one_spelling(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest(folder), indent=2))
    assert refusal(folder) == "format"


def test_an_endless_manifest_is_not_read(folder: Path) -> None:
    with (folder / "manifest.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    assert refusal(folder) == "size"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("classes.json", ["teddy", "bear"], "classes"),
        ("classes.json", ["bear"], "classes"),
        ("classes.json", {"bear": 1}, "classes"),
        ("classes.json", b"bear", "format"),
        ("preprocessing.json", {"size": 32}, "format"),
        ("calibration.json", {"temperature": 0}, "format"),
        ("calibration.json", {"temperature": "warm"}, "format"),
        ("calibration.json", {}, "format"),
        ("calibration.json", [], "format"),
        ("reference.npz", b"\x80\x04.", "format"),
        ("samples.json", {}, "format"),
        ("samples.json", {"0.png": {"bear": 1.0, "teddy": 0.0}}, "format"),
        ("samples.json", {"0.png": {"bear": 1.0}, "1.png": {"bear": 1.0}}, "classes"),
        ("samples.json", {"0.png": 1, "1.png": 2}, "format"),
        ("samples.json", [["0.png"]], "format"),
        ("card.json", 7, "format"),
        ("card.json", b"\xff\xfe", "format"),
    ],
)
def test_a_file_that_says_nonsense_is_refused(
    folder: Path, name: str, value: Any, reason: Reason
) -> None:
    assert refusal(rewrite(folder, name, value)) == reason


@pytest.mark.parametrize(
    "classes", [["bear"], ["bear", " teddy"], ["bear", ""], ["a\nb", "c"], ["x" * 201, "y"]]
)
def test_class_names_that_cannot_be_shown_are_refused(tmp_path: Path, classes: list[str]) -> None:
    with pytest.raises(BundleError) as caught:
        write_bundle(tmp_path / "bundle", replace(toy_contents(), classes=classes))
    assert caught.value.reason == "classes"


def test_a_sample_cannot_be_written_elsewhere(tmp_path: Path) -> None:
    sample = Sample("../../outside.png", draw(0, 0), {"bear": 1.0, "teddy": 0.0})
    with pytest.raises(BundleError) as caught:
        write_bundle(tmp_path / "deep" / "bundle", replace(toy_contents(), samples=[sample]))
    assert caught.value.reason == "path"
    assert not list(tmp_path.rglob("outside.png"))
