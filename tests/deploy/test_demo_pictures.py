"""How the demo parts its pictures, and what its last line says. No program is started here."""

import json
from pathlib import Path

import pytest

from deploy.demo import pictures
from deploy.demo.pictures import Kind
from deploy.demo.report import KEYS, DidNotHappen, Report, wait_for


def files(folder: Path, classes: tuple[str, ...], each: int) -> Path:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            (folder / name / f"{number}.png").touch()
    return folder


def paths(kind: Kind) -> set[Path]:
    return {one.path for one in (*kind.measured, *kind.traffic)}


def test_what_is_held_out_is_not_trained_on_and_nothing_is_measured_that_is_sent_to_be_labelled(
    tmp_path: Path,
) -> None:
    train = files(tmp_path / "train", ("bear", "teddy"), 100)
    shift = files(tmp_path / "shift", ("bear", "teddy"), 50)
    found = pictures.read(train, shift, None, tmp_path / "links")
    trained = {one.resolve() for one in (tmp_path / "links").glob("*/*")}
    assert len(trained) == 150
    assert trained.isdisjoint(paths(found.ordinary))
    assert trained | paths(found.ordinary) == set(train.glob("*/*"))
    for kind in (found.ordinary, found.shift):
        assert set(kind.measured).isdisjoint(kind.traffic)
    assert (len(found.ordinary.measured), len(found.shift.measured)) == (25, 25)


def test_a_folder_of_ordinary_pictures_leaves_the_training_folder_whole(tmp_path: Path) -> None:
    train = files(tmp_path / "train", ("bear", "teddy"), 30)
    shift = files(tmp_path / "shift", ("bear",), 50)
    ordinary = files(tmp_path / "ordinary", ("bear", "teddy"), 40)
    found = pictures.read(train, shift, ordinary, tmp_path / "links")
    assert found.train == train
    assert paths(found.ordinary) == set(ordinary.glob("*/*"))


def test_the_same_pictures_come_in_the_same_order_and_mixed_one_of_each_in_turn(
    tmp_path: Path,
) -> None:
    folder = files(tmp_path / "some", ("bear", "teddy"), 20)
    first, again = pictures.shuffled(folder), pictures.shuffled(folder)
    assert first == again
    assert [one.label for one in first] != sorted(one.label for one in first)
    together = pictures.mixed(first[:3], first[10:12])
    assert together == [first[0], first[10], first[1], first[11]]


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    train = files(tmp_path / "train", ("bear", "teddy"), 100)
    with pytest.raises(DidNotHappen, match="10 shift pictures"):
        pictures.read(train, files(tmp_path / "shift", ("bear",), 10), None, tmp_path / "links")


def test_the_last_line_names_the_step_that_did_not_happen_and_holds_every_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    with report.step("one thing"):
        report.figures["labels_total"] = 3
    with pytest.raises(DidNotHappen), report.step("another"):
        raise DidNotHappen("nobody came")
    told = json.loads(report.last_line())
    assert set(KEYS) <= set(told)
    assert told["labels_total"] == 3
    assert told["did_not_happen"] == "Step 2, 'another', did not happen: nobody came"
    assert report.done == ["one thing"]
    assert "2. another" in capsys.readouterr().out


def test_what_does_not_come_in_time_did_not_happen() -> None:
    with pytest.raises(DidNotHappen, match="the moon did not come within 0 seconds"):
        wait_for(lambda: None, 0.0, "the moon")
