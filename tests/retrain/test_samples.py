import argparse
import hashlib
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrain import samples
from retrain.samples import CLASSES, DEFINITIONS, SHIFTS, contact_sheet, draw, write_folder
from retrain.samples.cover import shapes
from retrain.samples.scene import INDOORS, OUTDOORS, compose
from retrain.samples.solid import look

SIZE = 96
ALL = [None, *SHIFTS]
PRINTS = """
import hashlib, itertools
from retrain.samples import CLASSES, SHIFTS, draw
for name, shift in itertools.product(CLASSES, [None, *SHIFTS]):
    print(hashlib.sha256(draw(name, 7, shift, 96).tobytes()).hexdigest())
"""


def pixels(picture: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(picture, np.float64)


def sharpness(picture: Image.Image) -> float:
    """The mean square of the step from each pixel to its neighbour."""
    grey = pixels(picture.convert("L"))
    return float((np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean())


def share_of_bear(class_name: str, seed: int, *, far: bool) -> float:
    scene = compose(class_name, seed)
    scene = scene.far() if far else scene
    return float(look(scene.body.solid, scene.camera.zoomed(SIZE), SIZE).mask.mean())


@pytest.mark.parametrize("shift", ALL)
@pytest.mark.parametrize("class_name", CLASSES)
def test_every_class_is_drawn_under_every_shift(class_name: str, shift: str | None) -> None:
    picture = draw(class_name, 3, shift, SIZE)
    assert picture.mode == "RGB"
    assert picture.size == (SIZE, SIZE)
    assert pixels(picture).std() > 5


def test_two_processes_draw_the_same_pixels() -> None:
    here = [
        hashlib.sha256(draw(name, 7, shift, SIZE).tobytes()).hexdigest()
        for name, shift in itertools.product(CLASSES, ALL)
    ]
    elsewhere = subprocess.run(
        [sys.executable, "-c", PRINTS],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(samples.__file__).parents[2],
    )
    assert elsewhere.stdout.split() == here


@pytest.mark.parametrize("class_name", CLASSES)
def test_no_two_seeds_draw_nearly_the_same_picture(class_name: str) -> None:
    pictures = [pixels(draw(class_name, seed, size=48)) for seed in range(16)]
    apart = [float(np.abs(a - b).mean()) for a, b in itertools.combinations(pictures, 2)]
    assert min(apart) > 8
    assert float(np.mean(apart)) > 30


def test_the_classes_of_one_seed_are_different_pictures() -> None:
    black, grizzly, teddy = (draw(name, 5, size=SIZE).tobytes() for name in CLASSES)
    assert len({black, grizzly, teddy}) == 3


def test_every_place_shows_teddies_and_living_bears() -> None:
    seen = {(name, compose(name, seed).place) for name in CLASSES for seed in range(150)}
    assert seen == set(itertools.product(CLASSES, [*OUTDOORS, *INDOORS]))


def test_some_bears_stand_behind_something_and_some_do_not() -> None:
    covered = [bool(shapes(compose(name, seed))) for name in CLASSES for seed in range(40)]
    assert 0.1 < np.mean(covered) < 0.6


def test_bears_are_near_and_not_so_near_and_never_lost() -> None:
    shares = [share_of_bear(name, seed, far=False) for name in CLASSES for seed in range(25)]
    assert min(shares) > 0.04
    assert max(shares) > 0.35


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("class_name", CLASSES)
class TestShifts:
    def test_greyscale_has_no_colour(self, class_name: str, seed: int) -> None:
        colours = pixels(draw(class_name, seed, "greyscale", SIZE))
        assert np.ptp(colours, axis=2).max() == 0

    def test_greyscale_shows_the_very_same_picture(self, class_name: str, seed: int) -> None:
        by_day = draw(class_name, seed, size=SIZE)
        assert draw(class_name, seed, "greyscale", SIZE).tobytes() == (
            by_day.convert("L").convert("RGB").tobytes()
        )

    def test_a_drawing_is_mostly_white_with_dark_lines(self, class_name: str, seed: int) -> None:
        tones = pixels(draw(class_name, seed, "drawn", SIZE)).mean(axis=2)
        assert (tones > 225).mean() > 0.6
        assert 0.003 < (tones < 140).mean() < 0.2

    def test_night_is_dark_but_for_the_eyes_and_the_stamp(self, class_name: str, seed: int) -> None:
        tones = pixels(draw(class_name, seed, "night")).mean(axis=2)
        assert tones.mean() < 60
        stamp = tones[-len(tones) // 14 :]
        assert np.median(stamp) < 12
        assert stamp.max() > 150

    def test_blur_is_far_less_sharp(self, class_name: str, seed: int) -> None:
        by_day = sharpness(draw(class_name, seed, size=SIZE))
        assert sharpness(draw(class_name, seed, "blur", SIZE)) < by_day / 4

    def test_a_far_bear_is_small_but_there(self, class_name: str, seed: int) -> None:
        share = share_of_bear(class_name, seed, far=True)
        assert 0.002 < share < 0.025
        assert share < share_of_bear(class_name, seed, far=False) / 3


def test_a_folder_holds_what_was_asked_for(tmp_path: Path) -> None:
    paths = write_folder(tmp_path / "new" / "bears", 3, seed=4)
    assert [str(path.relative_to(tmp_path / "new" / "bears")) for path in paths] == [
        f"{name}/{number:04d}.jpg" for name in CLASSES for number in (1, 2, 3)
    ]
    sizes = set()
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            sizes.add(picture.size)
    assert len(sizes) > 3


def test_many_pictures_are_shared_among_processes_and_are_the_same_bytes(tmp_path: Path) -> None:
    few = write_folder(tmp_path / "few", 2, seed=9, shift="drawn")
    many = write_folder(tmp_path / "many", 16, seed=9, shift="drawn")
    of_many = {path.relative_to(tmp_path / "many"): path.read_bytes() for path in many}
    assert len(set(of_many.values())) == 48
    for path in few:
        assert of_many[path.relative_to(tmp_path / "few")] == path.read_bytes()


def test_folders_of_different_seeds_share_no_picture(tmp_path: Path) -> None:
    first = {path.read_bytes() for path in write_folder(tmp_path / "a", 2, seed=1)}
    second = {path.read_bytes() for path in write_folder(tmp_path / "b", 2, seed=2)}
    assert len(first | second) == 12


def test_the_contact_sheet_shows_each_class_twice_and_each_shift() -> None:
    sheet = contact_sheet(1, size=32)
    assert sheet.size == (8 * 32, (2 * len(CLASSES) + 1 + len(SHIFTS)) * (32 + 22))


@pytest.mark.parametrize(
    ("class_name", "seed", "shift", "said"),
    [
        ("panda", 1, None, "no class 'panda'"),
        ("black", -1, None, "not negative"),
        ("black", 1, "sepia", "no shift 'sepia'"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    class_name: str, seed: int, shift: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        draw(class_name, seed, shift)


@pytest.mark.parametrize(
    ("per_class", "seed", "shift"), [(0, 1, None), (10**6, 1, None), (1, -1, None), (1, 1, "sepia")]
)
def test_a_folder_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, per_class: int, seed: int, shift: str | None
) -> None:
    with pytest.raises(ValueError, match=r"not|no shift"):
        write_folder(tmp_path / "bears", per_class, seed, shift)
    assert not (tmp_path / "bears").exists()


def command(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    samples.add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (str(tmp_path / "bears"), "--per-class", "1", "--seed", "2", "--shift", "night")
    assert samples.run(command(*words)) == 0
    assert len(list((tmp_path / "bears").rglob("*.jpg"))) == 3
    assert "3 pictures" in capsys.readouterr().out


def test_the_command_says_in_one_sentence_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert samples.run(command(str(tmp_path / "file"), "--per-class", "1")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cannot draw the sample pictures: ")
    assert said.err.count("\n") == 1


def test_every_kind_of_bear_has_its_marks_in_words() -> None:
    assert set(DEFINITIONS) == set(CLASSES)
