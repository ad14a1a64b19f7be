import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.engine import Engine
from classifier.pictures import open_picture
from classifier.preprocessing import Preprocessing, prepare, resize
from retrain.making import squished
from retrain.progress import nobody
from store.errors import Invalid
from store.training_sets import Row
from tests.benchmarks.parity import MOST_APART, drawn, train_and_compare, varied
from tests.toy import draw

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]

CLASSES = ("blue", "red")
DATA = {
    hashlib.sha256(data).hexdigest(): (data, CLASSES[1 - number % 2])
    for number, data in ((seed, draw(seed % 2, seed)) for seed in range(48))
}
ROWS = [
    Row(digest, label, "valid" if place % 4 == 3 else "train", "folder")
    for place, (digest, (_, label)) in enumerate(sorted(DATA.items()))
]


def read(digest: str) -> bytes:
    return DATA[digest][0]


def test_the_same_seed_trains_the_same_network(tmp_path: Path) -> None:
    import torch

    from retrain.train import Opened, Plan, fit

    def weights(seed: int, name: str) -> torch.Tensor:
        (tmp_path / name).mkdir()
        plan = Plan("resnet10t", squished(32), 1, seed, 16, "cpu", 1, scratch=True)
        learner, began = fit(plan, CLASSES, ROWS, Opened(read, tmp_path / name), nobody)
        assert began == "scratch"
        return torch.cat([one.flatten() for one in learner.model.state_dict().values()])

    first = weights(1, "a")
    assert torch.equal(first, weights(1, "b"))
    assert not torch.equal(first, weights(2, "c"))


def test_validation_pictures_are_opened_as_they_will_be_served(tmp_path: Path) -> None:
    from retrain.train import Opened, Plan, fit

    plan = Plan("resnet10t", squished(32), 1, 1, 16, "cpu", 1, scratch=True)
    learner, _ = fit(plan, CLASSES, ROWS, Opened(read, tmp_path), nobody)
    valid = [row for row in ROWS if row.split == "valid"]
    batch, _ = learner.dls.valid.one_batch()
    for given, row in zip(batch, valid, strict=False):
        served = prepare(open_picture(read(row.picture_digest)).pixels, squished(32))
        assert np.abs(np.asarray(given.cpu()) - served).max() < 1e-5


def test_a_picture_is_decoded_once_for_each_size(tmp_path: Path) -> None:
    from retrain.train import Opened

    asked: list[str] = []

    def counting(digest: str) -> bytes:
        asked.append(digest)
        return read(digest)

    opened = Opened(counting, tmp_path)
    digest = ROWS[0].picture_digest
    pixels = open_picture(read(digest)).pixels
    for size in (16, 16, 24, 24):
        wanted = Preprocessing(size, "squish", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
        assert np.array_equal(opened.at(digest, wanted), resize(pixels, wanted))
    assert len(asked) == 2


def test_the_served_bundle_answers_as_fastai_does() -> None:
    figures = train_and_compare(
        varied(drawn(40, 5), 60, 2), varied(drawn(40, 70), 60, 3), 32, 2, "resnet10t"
    )["all"]
    assert (figures.files, figures.differ) == (60, 0)
    assert figures.largest <= MOST_APART


def test_the_graph_takes_any_number_of_pictures() -> None:
    from retrain.exporting import export
    from retrain.networks import build

    network = build("resnet10t", 3, 32)
    engine = Engine(export(network, 32).network)
    inputs = np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32)
    logits, features = engine.run(inputs)
    assert logits.shape == (5, 3)
    assert features.shape == (5, 512)
    assert np.allclose(engine.run(inputs[:1])[0], logits[:1], atol=1e-5)
    assert network.training


def test_too_few_rows_are_refused() -> None:
    from retrain.train import Plan, train

    plan = Plan("resnet10t", squished(32), 1, 1, 16, "cpu", 1, scratch=True)
    for rows in ([], ROWS[:1], [row for row in ROWS if row.split == "train"]):
        with pytest.raises(Invalid, match="too few pictures to train on"):
            train(plan, CLASSES, rows, read, nobody)


def test_a_picture_that_people_labelled_is_shown_as_often_as_asked_and_judged_once(
    tmp_path: Path,
) -> None:
    from retrain.train import Opened, Plan, fit

    said = ["human_blind" if place % 3 == 0 else "folder" for place in range(len(ROWS))]
    rows = [replace(row, source=source) for row, source in zip(ROWS, said, strict=True)]
    plan = Plan("resnet10t", squished(32), 1, 1, 16, "cpu", 1, scratch=True, repeats=3)
    learner, _ = fit(plan, CLASSES, rows, Opened(read, tmp_path), nobody)
    shown = Counter(row.picture_digest for row in learner.dls.train.items)
    assert shown == {
        row.picture_digest: 1 if row.source == "folder" else 3
        for row in rows
        if row.split == "train"
    }
    assert set(Counter(row.picture_digest for row in learner.dls.valid.items).values()) == {1}
