import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from retrain.folder import Folder, read_folder
from retrain.progress import nobody
from store.errors import Invalid
from tests.retrain.given import toy_folder
from tests.toy import draw


def read(root: Path, least: int = 3) -> Folder:
    return read_folder(root, least, nobody)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_folder(tmp_path / "pictures", per_class=6)


def reasons(found: Folder) -> dict[str, str]:
    return {one.path: one.reason for one in found.left_out}


def test_every_picture_of_every_class_is_found(folder: Path) -> None:
    found = read(folder)
    assert found.classes == ("blue", "red")
    assert len(found.pictures) == 12
    assert found.left_out == ()
    one = found.pictures[0]
    data = (folder / one.path).read_bytes()
    assert (one.label, one.picture.format, one.picture.size_bytes) == ("blue", "png", len(data))


def test_what_cannot_be_used_is_listed_with_its_reason_and_stays(folder: Path) -> None:
    (folder / "red" / "notes.jpg").write_text("no picture")
    (folder / "red" / "cut.png").write_bytes(draw(0, 77)[:200])
    (folder / "red" / "empty.png").write_bytes(b"")
    (folder / "red" / "again.png").write_bytes((folder / "red" / "1.png").read_bytes())
    (folder / "loose.png").write_bytes(draw(0, 78))
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "blue" / "moves.gif", save_all=True, append_images=frames[1:])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = read(folder)
    said = reasons(found)
    assert said["red/notes.jpg"] == "The file is not a picture, whatever its name says."
    assert "ends too early" in said["red/cut.png"]
    assert said["red/empty.png"] == "The file is empty."
    assert said["red/again.png"] == "It is the same file as red/1.png."
    assert said["loose.png"] == "It lies in no class folder."
    assert "several frames" in said["blue/moves.gif"]
    assert len(found.pictures) == 12
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_picture_in_two_classes_is_left_out_of_both(folder: Path) -> None:
    data = (folder / "red" / "2.png").read_bytes()
    (folder / "blue" / "copy.png").write_bytes(data)
    smaller = BytesIO()
    scene = (folder / "red" / "3.png").read_bytes()
    with Image.open(BytesIO(scene)) as image:
        image.resize((image.width - 4, image.height - 4)).save(smaller, "png")
    (folder / "blue" / "smaller.png").write_bytes(smaller.getvalue())
    found = read(folder)
    said = reasons(found)
    assert said["blue/copy.png"] == "The same picture stands in another class: red/2.png."
    assert said["red/2.png"] == "The same picture stands in another class: blue/copy.png."
    assert set(said) == {"blue/copy.png", "red/2.png", "blue/smaller.png", "red/3.png"}
    assert {one.label for one in found.pictures} == {"blue", "red"}
    assert len(found.pictures) == 10


def test_hidden_files_and_folders_are_nothing(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / ".cache" / "0.png").write_bytes(draw(0, 90))
    (folder / "red" / ".thumb.png").write_bytes(draw(0, 91))
    found = read(folder)
    assert (len(found.pictures), found.left_out) == (12, ())


def test_pictures_in_folders_below_a_class_are_of_that_class(folder: Path) -> None:
    (folder / "red" / "2024").mkdir()
    (folder / "red" / "2024" / "deep.png").write_bytes(draw(0, 92))
    labels = {one.path: one.label for one in read(folder).pictures}
    assert labels["red/2024/deep.png"] == "red"


def empty(root: Path) -> None:
    for name in ("red", "blue"):
        shutil.rmtree(root / name)


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (shutil.rmtree, "no_folder", "There is no folder"),
        (lambda root: shutil.rmtree(root / "red"), "too_few_classes", "it has only 'blue'"),
        (empty, "too_few_classes", "it has none"),
        (lambda root: (root / "green").mkdir(), "too_few_pictures", "'green' has 0 usable"),
        (lambda root: (root / "red").rename(root / "red "), "bad_name", "rename the folder"),
    ],
)
def test_a_folder_that_cannot_become_a_model_is_refused_in_one_sentence(
    folder: Path, damage: object, code: str, says: str
) -> None:
    assert callable(damage)
    damage(folder)
    with pytest.raises(Invalid, match=says) as refused:
        read(folder)
    assert refused.value.code == code
    assert str(refused.value).count("\n") == 0
