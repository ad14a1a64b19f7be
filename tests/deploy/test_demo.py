"""The demo as a person starts it, on pictures so simple that a small network learns them in seconds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
CLASSES = ("bear", "teddy")
# the ordinary world tells the classes by red and blue; the shifted one is striped and tells them by green and violet
ORDINARY = ((1.0, 0.2, 0.2), (0.2, 0.2, 1.0))
SHIFTED = ((0.2, 0.9, 0.2), (0.8, 0.1, 0.9))
SIZE = 40


def folder(
    path: Path, colours: tuple[tuple[float, ...], ...], each: int, seed: int, striped: bool
) -> Path:
    rng = np.random.default_rng(seed)
    for name, colour in zip(CLASSES, colours, strict=True):
        (path / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.uniform(0.3, 0.7) * np.ones((SIZE, SIZE, 3))
            pixels += 0.3 * (np.array(colour) - 0.5) * rng.uniform(0.7, 1.3)
            pixels += rng.normal(0, 0.05, pixels.shape)
            if striped:
                pixels[:: int(rng.integers(2, 5))] = 1.0
            Image.fromarray((255 * np.clip(pixels, 0, 1)).astype(np.uint8)).save(
                path / name / f"{number:04d}.png"
            )
    return path


def demo(tmp_path: Path, port: int, *flags: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the last line, and everything that was said."""
    command = [sys.executable, "-m", "deploy.demo", "--exit", "--port", str(port)]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "demo"), "--size", "32", *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout


@pytest.mark.journey
@pytest.mark.training
@pytest.mark.timeout(900)
def test_every_step_happens_and_accuracy_comes_back(tmp_path: Path, free_ports: int) -> None:
    train = folder(tmp_path / "train", ORDINARY, 120, 1, striped=False)
    ordinary = folder(tmp_path / "ordinary", ORDINARY, 130, 4, striped=False)
    shift = folder(tmp_path / "shift", SHIFTED, 200, 2, striped=True)
    code, told, said = demo(
        tmp_path,
        free_ports,
        *("--train", str(train), "--shift", str(shift), "--ordinary", str(ordinary)),
        *("--architecture", "resnet10t", "--epochs", "6", "--retrain-epochs", "6"),
    )
    assert code == 0, said
    assert told["did_not_happen"] is None
    assert told["ordinary_before"] > 0.9
    assert told["shift_after"] - told["shift_before"] >= 2 / 3 * (
        told["ordinary_before"] - told["shift_before"]
    )
    assert told["pictures_to_alarm"] <= 100
    assert 0 < told["labels_training"] <= told["labels_total"] <= 700
    assert [(one["to"], one["by"]) for one in told["stages"]] == [
        ("limited", "monitoring"),
        ("expanding", "monitoring"),
        ("expanding", "monitoring"),
        ("full", "person"),
    ]
    assert len(told["stages"][-1]["confirmed_by"]) == 2
    assert told["verdicts"]["advance"] >= 4
    assert told["verdicts"]["revert"] == 0
    assert told["minutes"] > 0
    # whoever reads along can see that nobody was real
    assert "rosa (simulated)" in said
    assert "0 of them not the same" in said


@pytest.mark.journey
@pytest.mark.training
@pytest.mark.timeout(900)
def test_a_shift_that_is_none_raises_no_alarm_and_that_is_said(
    tmp_path: Path, free_ports: int
) -> None:
    train = folder(tmp_path / "train", ORDINARY, 120, 1, striped=False)
    same = folder(tmp_path / "same", ORDINARY, 20, 3, striped=False)
    code, told, said = demo(
        tmp_path,
        free_ports,
        *("--train", str(train), "--shift", str(same)),
        *("--architecture", "resnet10t", "--epochs", "2"),
    )
    assert code == 1, said
    assert "'the shift arrives, and the alarm', did not happen: no alarm" in told["did_not_happen"]
    assert told["did_not_happen"] in said
    assert told["pictures_to_alarm"] is None


def test_folders_of_other_classes_are_refused_before_anything_is_trained(
    tmp_path: Path, free_ports: int
) -> None:
    train = folder(tmp_path / "train", ORDINARY, 3, 1, striped=False)
    (folder(tmp_path / "shift", SHIFTED, 3, 2, striped=True) / "bear").rename(
        tmp_path / "shift/wolf"
    )
    code, told, said = demo(
        tmp_path, free_ports, "--train", str(train), "--shift", str(tmp_path / "shift")
    )
    assert code == 1, said
    assert "has not: wolf" in told["did_not_happen"]
    assert "a first model is trained" not in said
