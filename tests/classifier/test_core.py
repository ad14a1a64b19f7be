"""One core's work: what is found out about a picture, and what it says when it cannot."""

import json
import resource
import threading
from io import BytesIO
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier import core
from classifier.bundle import BundleError, read_bundle
from classifier.classifier import Classifier
from classifier.core import (
    SMALL,
    THUMBNAIL,
    Decoded,
    Models,
    Refused,
    Seen,
    Shrunk,
    Task,
    Told,
    see,
    shrink,
)
from classifier.pictures import BadPicture, Limits
from tests.toy import draw, toy_bundle

LIMITS = Limits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in a folder that is named by its digest, as the cache names them."""
    return named(toy_bundle(tmp_path_factory.mktemp("bundle") / "made"))


def named(made: Path) -> Path:
    return made.rename(made.parent / Classifier.load(made).digest)


def test_what_is_seen_is_what_the_classifier_says(folder: Path) -> None:
    classifier, image = Classifier.load(folder), draw(0, 1)
    seen = see(image, LIMITS, classifier)
    opinion = classifier.opine(seen.picture)
    assert seen.opinion is not None
    assert seen.opinion.probabilities == opinion.probabilities
    assert seen.opinion.domain == opinion.domain
    assert dict(seen.properties) == dict(opinion.properties)
    assert seen.check > 0


def test_without_a_model_there_is_a_picture_and_no_opinion() -> None:
    seen = see(draw(0, 1), LIMITS, None)
    assert (seen.opinion, seen.failed) == (None, None)
    assert seen.picture.pixels.size


def test_a_network_that_fails_leaves_the_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier.load(folder)

    def fail(_: object) -> None:
        raise FloatingPointError("no number")

    monkeypatch.setattr(classifier.engine, "run", fail)
    seen = see(draw(0, 1), LIMITS, classifier)
    assert seen.opinion is None
    assert seen.failed == "FloatingPointError: no number"
    with pytest.raises(BadPicture):
        see(b"no picture", LIMITS, classifier)


def test_the_last_few_models_stay_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "KEPT", 2)
    models = Models()
    others = [str(named(toy_bundle(tmp_path / f"{n}" / "made", seed=n))) for n in (1, 2)]
    first = models.get(str(folder))
    assert models.get(str(folder)) is first
    for other in others:
        models.get(other)
    assert models.get(str(folder)) is not first


def test_only_the_bundle_that_was_proved_is_loaded(folder: Path) -> None:
    elsewhere = folder.parent / ("0" * 64)
    elsewhere.symlink_to(folder)
    with pytest.raises(BundleError):
        Models().get(str(elsewhere))


def test_one_that_cannot_be_loaded_is_not_read_again_for_every_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, reads = Models(), list[Path]()

    def count(bundle: Path, expected: str) -> object:
        reads.append(bundle)
        return read_bundle(bundle, expected)

    monkeypatch.setattr(core, "read_bundle", count)
    elsewhere = folder.parent / ("1" * 64)
    elsewhere.symlink_to(folder)
    assert [models.find(str(elsewhere)) for _ in range(3)] == [None] * 3
    assert reads == [elsewhere]
    assert models.find(str(folder)) is not None
    # mended, and loaded by who wants it ready
    elsewhere.unlink()
    monkeypatch.setattr(core, "read_bundle", lambda _bundle, _expected: read_bundle(folder))
    assert models.get(str(elsewhere)) is models.find(str(elsewhere))


class _Worker:
    """`work` in a thread, asked from this one."""

    def __init__(self) -> None:
        self._ours: Connection[Task, Told | Decoded]
        self._ours, theirs = Pipe()
        self.thread = threading.Thread(target=core.work, args=(theirs, Models()), daemon=True)
        self.thread.start()

    def ask(self, task: Task) -> Told | Decoded:
        self._ours.send(task)
        told = self._ours.recv()
        if isinstance(told, Decoded):
            # said once, and where a network is asked about a picture
            assert task.data is not None
            assert task.bundle is not None
            told = self._ours.recv()
        return told

    def leave(self) -> None:
        self._ours.close()


def test_one_task_after_the_other_until_nobody_asks_any_more(folder: Path) -> None:
    worker, image = _Worker(), draw(0, 1)
    assert worker.ask(Task(None, LIMITS, str(folder), pixels=False)) is None
    lean = worker.ask(Task(image, LIMITS, str(folder), pixels=False))
    whole = worker.ask(Task(image, LIMITS, str(folder), pixels=True))
    assert isinstance(lean, Seen)
    assert isinstance(whole, Seen)
    here = see(image, LIMITS, Classifier.load(folder))
    for one in (lean, whole):
        assert one.opinion is not None
        assert here.opinion is not None
        assert one.opinion.probabilities == here.opinion.probabilities
        assert (one.picture.digest, one.picture.width) == (here.picture.digest, here.picture.width)
    assert lean.picture.pixels.shape == (0, 0, 3)
    assert np.array_equal(whole.picture.pixels, here.picture.pixels)
    worker.leave()
    worker.thread.join(5)
    assert not worker.thread.is_alive()


def test_a_bad_picture_is_said_to_be_one_and_the_next_is_another() -> None:
    worker = _Worker()
    assert worker.ask(Task(b"no picture", LIMITS, None, pixels=False)) == Refused(
        "not_a_picture", "The file is not a picture, whatever its name says."
    )
    assert isinstance(worker.ask(Task(draw(0, 1), LIMITS, None, pixels=False)), Seen)
    worker.leave()


@pytest.mark.parametrize(("side", "kind"), [(THUMBNAIL, "jpeg"), (SMALL, "png"), (1600, "jpeg")])
def test_a_picture_to_be_shown_comes_back_no_larger_than_asked_and_nothing_else_is_done(
    side: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(core, "measure")
    drawn, worker = BytesIO(), _Worker()
    Image.new("RGB", (1200, 2400), "navy").save(drawn, "png")
    made = worker.ask(Task(drawn.getvalue(), LIMITS, None, pixels=False, side=side))
    assert isinstance(made, Shrunk)
    assert made == shrink(drawn.getvalue(), LIMITS, side)
    with Image.open(BytesIO(made.data)) as image:
        assert (image.size, image.format) == ((side // 2, side), kind.upper())
    assert worker.ask(Task(b"no picture", LIMITS, None, pixels=False, side=side)) == Refused(
        "not_a_picture", "The file is not a picture, whatever its name says."
    )
    worker.leave()


def test_what_is_no_fault_of_the_picture_has_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("no thread left")

    monkeypatch.setattr(core, "open_picture", full)
    worker = _Worker()
    assert worker.ask(Task(draw(0, 1), LIMITS, None, pixels=False)) == Refused(
        None, "RuntimeError: no thread left"
    )
    worker.leave()


def test_a_picture_that_takes_far_more_than_its_pixels_need_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decode(*_: object) -> None:
        np.ones(2 * (core.DECODING + core.PIXEL * few.max_pixels), np.uint8)

    few, before = Limits(max_pixels=10_000), resource.getrlimit(resource.RLIMIT_DATA)
    worker = _Worker()
    assert isinstance(worker.ask(Task(draw(0, 1), few, None, pixels=False)), Seen)
    monkeypatch.setattr(core, "open_picture", decode)
    assert worker.ask(Task(draw(0, 1), few, None, pixels=False)) == Refused(
        "too_many_parts", "The picture would take more memory than its pixels need."
    )
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    worker.leave()


def test_a_bundle_that_cannot_be_loaded_there_leaves_all_of_the_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    worker = _Worker()
    seen = worker.ask(Task(draw(0, 1), LIMITS, str(tmp_path / "nowhere"), pixels=False))
    assert isinstance(seen, Seen)
    assert (seen.opinion, seen.failed) == (None, None)
    assert seen.picture.pixels.size
    said = json.loads(capfd.readouterr().err)
    assert (said["event"], Path(said["folder"]).name) == ("bundle_not_loaded", "nowhere")
    told = worker.ask(Task(None, LIMITS, str(tmp_path / "nowhere"), pixels=False))
    assert told == Refused(None, "There is no manifest.json in 'nowhere'.")
    worker.leave()
