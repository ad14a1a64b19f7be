import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.classifier import Classifier
from retrain import __main__ as commands
from retrain.samples import DEFINITIONS
from retrain.settings import read_settings
from store import guides, rollouts
from store.database import Database
from store.errors import Invalid
from tests.retrain.given import toy_folder
from tests.toy import CLASSES, toy_bundle

ROOT = Path(__file__).parent.parent.parent
Run = Callable[..., int]


@pytest.fixture
def environ(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    said = {
        "URSA_DATABASE_URL": sqlite_url,
        "URSA_STORAGE_URL": str(tmp_path / "storage"),
        "URSA_SECRET_KEY": "s" * 32,
        "URSA_BUNDLE_CACHE": str(tmp_path / "bundles"),
        "URSA_RETRAIN_THREADS": "1",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said


def test_a_good_bundle_is_called_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = toy_bundle(tmp_path / "bundle")
    assert commands.main(["bundle-check", str(folder)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in (*CLASSES, Classifier.load(folder).digest))


def test_a_bundle_that_was_altered_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = toy_bundle(tmp_path / "bundle")
    network = folder / "network.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"!")
    assert commands.main(["bundle-check", str(folder)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "network.onnx" in said.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"URSA_SECRET_KEY": "short"}, "URSA_SECRET_KEY"),
        ({"URSA_RETRAIN_EPOCHS": "many"}, "URSA_RETRAIN_EPOCHS must be a whole number"),
        ({"URSA_RETRAIN_DEVICE": "tpu"}, "URSA_RETRAIN_DEVICE must be one of"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_work_is_one_sentence_and_exit_code_1(
    environ: dict[str, str],
    change: dict[str, str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(change) <= {*environ, "URSA_RETRAIN_EPOCHS", "URSA_RETRAIN_DEVICE"}
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    assert commands.main(["first-model", "nowhere"]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1


@pytest.mark.filterwarnings("ignore")
def test_a_broken_database_is_one_sentence_too(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(environ["URSA_DATABASE_URL"].removeprefix("sqlite:///")).write_bytes(b"no database" * 99)
    assert commands.main(["first-model", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert "database file is broken" in said
    assert said.count("\n") == 1


def test_settings_say_what_is_wrong_with_them() -> None:
    good = {"URSA_SECRET_KEY": "s" * 32}
    assert read_settings(good).metrics_port == 0
    for name in ("URSA_RETRAIN_THREADS", "URSA_RETRAIN_BATCH_SIZE", "URSA_RETRAIN_POLL_SECONDS"):
        with pytest.raises(Invalid, match=f"{name} must be above 0"):
            read_settings({**good, name: "0"})
    with pytest.raises(Invalid, match="must be a number"):
        read_settings({**good, "URSA_RETRAIN_POLL_SECONDS": "soon"})
    with pytest.raises(Invalid, match="between 0 and 65535"):
        read_settings({**good, "URSA_RETRAIN_METRICS_PORT": "70000"})


@pytest.mark.training
def test_the_sample_model_answers_at_once_and_began_from_the_weights_it_was_given(
    environ: dict[str, str], tmp_path: Path
) -> None:
    root = toy_folder(tmp_path / "pictures", per_class=20)
    (root / "red").rename(root / "teddy")
    (root / "teddy" / "notes.txt").write_text("no picture")
    (tmp_path / "weights").mkdir()
    _run("-c", MAKE_WEIGHTS, str(tmp_path / "weights" / "resnet10t.pth"), environ=environ)
    flags = ["--size", "32", "--epochs", "2", "--architecture", "resnet10t", "--device", "cpu"]
    more = ["--weights", str(tmp_path / "weights"), "--sample"]
    done = _run("-m", "retrain", "first-model", str(root), *flags, *more, environ=environ)
    lines = done.stdout.splitlines()
    assert "left out  teddy/notes.txt: The file is not a picture, whatever its name says." in lines
    assert lines[-1].startswith("Version 1: blue, teddy. Right on unseen pictures:")
    assert lines[-1].endswith("It answers, for trying out.")
    assert "warn" not in done.stderr.lower()
    database = Database(environ["URSA_DATABASE_URL"])
    with database.read() as session:
        live = rollouts.live(session)
        [promoted, opened] = rollouts.events(session)
        guide = guides.in_force(session)
    database.dispose()
    assert live.incumbent is not None
    assert live.incumbent.stage == "full"
    for event in (promoted, opened):
        assert (event.actor_kind, event.reason) == ("system", "sample model, for trying out")
    assert guide["teddy"].definition == DEFINITIONS["teddy"]
    assert guide["blue"].definition.endswith("Replace this by what makes it one.")
    again = _run("-m", "retrain", "first-model", str(root), "--sample", environ=environ, fails=True)
    assert again.stderr.strip() == (
        "There is a model already: a sample model is for an empty Ursa only."
    )


MAKE_WEIGHTS = """
import sys, timm, torch
torch.save(timm.create_model("resnet10t", num_classes=4).state_dict(), sys.argv[1])
"""


def _run(*words: str, environ: dict[str, str], fails: bool = False) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done
