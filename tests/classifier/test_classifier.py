from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.bundle import BundleError, Sample, read_bundle
from classifier.calibration import softmax
from classifier.classifier import Classifier, prove
from classifier.engine import Engine, NetworkError
from classifier.pictures import open_picture
from classifier.properties import measure
from tests.toy import draw, toy_bundle, toy_contents, toy_network

THREE = ("bear", "teddy", "grizzly")


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier.load(toy_bundle(tmp_path / "bundle", THREE))


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_each_class_is_told_by_its_colour(classifier: Classifier, format: str) -> None:
    for number, label in enumerate(THREE):
        for seed in range(20):
            opinion = classifier.opine(open_picture(draw(number, seed, format)))
            assert opinion.label == label
            assert opinion.confidence > 0.6


def test_an_opinion_is_complete_and_consistent(classifier: Classifier) -> None:
    picture = open_picture(draw(1, 3))
    opinion = classifier.opine(picture)
    assert list(opinion.probabilities) == list(THREE)
    assert sum(opinion.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert opinion.confidence == opinion.probabilities[opinion.label]
    assert opinion.properties == measure(picture)
    assert (opinion.logits.shape, opinion.features.shape) == ((3,), (8,))
    assert opinion.projected == classifier.bundle.reference.project(opinion.features)
    assert len(opinion.projected) == 64
    assert set(opinion.milliseconds) == {"prepare", "network", "properties", "domain"}
    assert all(0 <= one < 10_000 for one in opinion.milliseconds.values())


def test_the_temperature_of_the_bundle_is_applied(tmp_path: Path) -> None:
    picture = open_picture(draw(0, 4))
    cool = Classifier.load(toy_bundle(tmp_path / "cool", THREE, temperature=3.0)).opine(picture)
    assert list(cool.probabilities.values()) == pytest.approx(softmax(cool.logits, 3.0))


def test_properties_that_are_known_are_not_measured_again(classifier: Classifier) -> None:
    picture = open_picture(draw(0, 4))
    known = {**measure(picture), "brightness": 9.0}
    opinion = classifier.opine(picture, known)
    assert opinion.properties is known
    assert not opinion.domain.inside


def test_many_threads_get_the_answers_of_one(classifier: Classifier) -> None:
    pictures = [open_picture(draw(number % 3, number)) for number in range(9)]
    alone = [classifier.opine(one).probabilities for one in pictures]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(classifier.opine, pictures * 10))
    assert all(one.probabilities == alone[place % 9] for place, one in enumerate(together))


def samples(change: float, data: bytes | None = None) -> list[Sample]:
    """The toy's samples, the first one `change` less likely in its own class."""
    first, *rest = toy_contents().samples
    bear, teddy = first.probabilities["bear"] - change, first.probabilities["teddy"] + change
    altered = Sample(first.name, data or first.data, {"bear": bear, "teddy": teddy})
    return [altered, *rest]


def load_error(folder: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        Classifier.load(folder)
    return caught.value


def test_a_sample_answer_that_is_off_refuses_the_bundle(tmp_path: Path) -> None:
    error = load_error(toy_bundle(tmp_path / "off", samples=samples(0.002)))
    assert error.reason == "sample_answer"
    assert "0.0020 away" in str(error)


def test_a_sample_answer_within_rounding_is_accepted(tmp_path: Path) -> None:
    assert Classifier.load(toy_bundle(tmp_path / "near", samples=samples(0.0005))).digest


def test_another_top_class_refuses_the_bundle_however_near(tmp_path: Path) -> None:
    near_half = toy_contents(gain=1e-5)
    flipped = [
        Sample(
            one.name,
            one.data,
            {"bear": one.probabilities["teddy"], "teddy": one.probabilities["bear"]},
        )
        for one in near_half.samples
    ]
    assert Classifier.load(toy_bundle(tmp_path / "good", gain=1e-5)).digest
    error = load_error(toy_bundle(tmp_path / "flipped", gain=1e-5, samples=flipped))
    assert error.reason == "sample_answer"


def test_a_sample_answer_that_is_no_number_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        toy_bundle(tmp_path / "bundle", samples=samples(float("nan")))


def test_a_sample_answer_that_is_no_number_refuses_the_bundle(tmp_path: Path) -> None:
    bundle = read_bundle(toy_bundle(tmp_path / "bundle"))
    good = bundle.samples[0]
    for name in bundle.classes:
        endless = replace(good, probabilities={**good.probabilities, name: float("nan")})
        with pytest.raises(BundleError, match="away from the answer"):
            prove(Classifier(bundle, Engine(bundle.network)), [endless])


def test_a_sample_that_is_no_picture_refuses_the_bundle(tmp_path: Path) -> None:
    error = load_error(toy_bundle(tmp_path / "bundle", samples=samples(0.0, draw(0, 0)[:-20])))
    assert error.reason == "sample_answer"
    assert "ends too early" in str(error)


def test_a_network_that_answers_otherwise_refuses_the_bundle(tmp_path: Path) -> None:
    error = load_error(toy_bundle(tmp_path / "bundle", network=toy_network(2, order=(1, 0))))
    assert error.reason == "sample_answer"


@pytest.mark.parametrize("network", [b"nothing", toy_network(3)])
def test_a_network_that_is_none_or_of_other_classes_refuses_the_bundle(
    tmp_path: Path, network: bytes
) -> None:
    assert load_error(toy_bundle(tmp_path / "bundle", network=network)).reason == "network"


def test_a_corrupt_file_refuses_the_bundle(tmp_path: Path) -> None:
    folder = toy_bundle(tmp_path / "bundle")
    data = bytearray((folder / "network.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "network.onnx").write_bytes(data)
    assert load_error(folder).reason == "digest"


def test_a_network_of_other_classes_gives_an_error_and_no_answer(classifier: Classifier) -> None:
    broken = Classifier(replace(classifier.bundle, classes=("bear", "teddy")), classifier.engine)
    with pytest.raises(NetworkError, match="3 logits for 2 classes"):
        broken.opine(open_picture(draw(0, 0)))


def test_two_models_may_disagree(tmp_path: Path) -> None:
    right = Classifier.load(toy_bundle(tmp_path / "right"))
    wrong = Classifier.load(toy_bundle(tmp_path / "wrong", order=(1, 0)))
    picture = open_picture(draw(0, 0))
    assert (right.opine(picture).label, wrong.opine(picture).label) == ("bear", "teddy")
    assert right.digest != wrong.digest
    assert np.isfinite(wrong.opine(picture).domain.score)
