"""The domain scores: what they promise is simulated and counted, what they say is read."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier import archive
from classifier.conformal import flagging_rank
from classifier.domain import TOO_FEW, UNLIKE, DomainScore, Reference, fit_reference
from classifier.engine import Engine
from classifier.pictures import Picture, open_picture
from classifier.preprocessing import prepare
from classifier.properties import NAMES, measure
from classifier.reasons import DRAWN
from tests.classifier.counting import most_likely
from tests.toy import draw, toy_contents

Floats = NDArray[np.float64]
MIXING = np.random.default_rng(0).normal(size=(3, len(NAMES))) * 0.5


def simulated_properties(rng: np.random.Generator, n: int) -> list[dict[str, float]]:
    """Correlated and heavy-tailed, as those of photographs are."""
    x = rng.normal(size=(n, 3)) @ MIXING + rng.standard_t(5, size=(n, len(NAMES))) * 0.3
    return [dict(zip(NAMES, np.abs(0.3 + 0.1 * row).tolist(), strict=True)) for row in x]


def simulated_features(rng: np.random.Generator, n: int, dimensions: int = 12) -> Floats:
    return rng.standard_t(4, size=(n, dimensions)) + 1.5


def simulated_reference(seed: int, held_out: int, train: int = 300) -> Reference:
    rng = np.random.default_rng([seed, held_out])
    return fit_reference(
        simulated_properties(rng, held_out),
        simulated_features(rng, held_out),
        rng.normal(size=(held_out, 3)),
        simulated_features(rng, train),
        train_properties=simulated_properties(rng, train),
        seed=seed,
    )


@pytest.mark.parametrize("held_out", [100, 334])
def test_ordinary_pictures_are_flagged_as_rarely_as_promised(held_out: int) -> None:
    """The rate of one reference is at most 5 % for 95 % of them; 3 points for rates known from 1,000 pictures."""
    splits, pictures, rank = 100, 1000, flagging_rank(held_out)
    rates = []
    for seed in range(splits):
        reference = simulated_reference(seed, held_out)
        rng = np.random.default_rng([seed, held_out, 1])
        new = simulated_properties(rng, pictures), simulated_features(rng, pictures)
        rates.append(reference.flags(*new, rng.normal(size=(pictures, 3))).mean())
    assert (np.array(rates) > 0.05).sum() <= most_likely(splits, 0.05 + 0.03)
    aim = rank / (held_out + 1)
    assert 0.75 * aim < np.mean(rates) < 1.15 * aim


def test_strange_features_and_strange_looks_are_each_enough() -> None:
    reference = simulated_reference(0, 334)
    rng = np.random.default_rng(99)
    ordinary, far = simulated_features(rng, 200), -simulated_features(rng, 200)
    looks, logits = simulated_properties(rng, 200), rng.normal(size=(200, 3))
    bright = [{**one, "brightness": 3.0} for one in looks]
    assert reference.flags(looks, ordinary, logits).mean() < 0.1
    assert reference.flags(looks, far, logits).mean() > 0.95
    assert reference.flags(bright, ordinary, logits).mean() > 0.95


def toy_reference(held_out: int = 120) -> Reference:
    return toy_contents(held_out=held_out).reference


def toy_features() -> NDArray[np.float32]:
    """Those of the training picture with the nearest neighbours."""
    neighbours = toy_reference().neighbours
    nearest: NDArray[np.float32] = neighbours.rows[neighbours.distances(neighbours.rows).argmin()]
    return nearest


def toy_logits() -> NDArray[np.float32]:
    """Those of an ordinary picture of the first class."""
    contents = toy_contents(held_out=120)
    picture = open_picture(draw(0, 31))
    inputs = prepare(picture.pixels, contents.preprocessing)
    logits: NDArray[np.float32] = Engine(contents.network).run(inputs[None])[0][0]
    return logits


def scored(picture: Picture, reference: Reference | None = None) -> DomainScore:
    reference = reference or toy_reference()
    return reference.score(measure(picture), toy_features(), toy_logits())


def test_an_ordinary_picture_is_inside_without_reasons() -> None:
    score = scored(open_picture(draw(0, 31)))
    assert score.inside
    assert score.calibrated
    assert score.reasons == ()
    assert min(score.look_p, score.feature_p, score.p) > 0.05


@pytest.mark.parametrize(
    ("shift", "reasons"),
    [("grey", {"no colour"}), ("dark", {"very dark"}), ("sketch", {DRAWN, "no colour"})],
)
def test_strange_pictures_are_flagged_with_the_right_words(shift: str, reasons: set[str]) -> None:
    for seed in range(20):
        score = scored(open_picture(draw(seed % 2, seed, shift=shift)))  # type: ignore[arg-type]  # of the parameters
        assert not score.inside
        assert score.look_p <= 1 / 121
        assert reasons <= set(score.reasons)
        assert UNLIKE not in score.reasons


def test_features_far_from_all_are_called_unlike() -> None:
    reference = toy_reference()
    picture = open_picture(draw(0, 31))
    score = reference.score(measure(picture), -toy_features(), toy_logits())
    assert not score.inside
    assert score.reasons == (UNLIKE,)
    assert score.feature_p == pytest.approx(1 / 121)


def test_a_network_that_cannot_decide_is_called_unlike_too() -> None:
    """Generalised entropy alone: look and features are those of ordinary pictures."""
    reference, picture = toy_reference(), open_picture(draw(0, 31))
    assert reference.score(measure(picture), toy_features(), toy_logits()).inside
    score = reference.score(measure(picture), toy_features(), np.zeros(2))
    assert not score.inside
    assert score.reasons == (UNLIKE,)


def test_too_few_held_out_pictures_flag_nothing_and_say_so() -> None:
    score = scored(open_picture(draw(0, 1, shift="sketch")), toy_reference(held_out=58))
    assert score.inside
    assert not score.calibrated
    assert score.reasons == (TOO_FEW,)
    assert score.look_p == pytest.approx(1 / 59)


def test_fifty_nine_held_out_pictures_are_enough() -> None:
    reference = toy_reference(held_out=59)
    assert reference.calibrated
    assert not scored(open_picture(draw(0, 1, shift="sketch")), reference).inside


def test_a_training_set_of_one_size_does_not_flag_every_other_size() -> None:
    rng = np.random.default_rng(3)
    square = [{**one, "aspect": 0.0, "size": 7.8} for one in simulated_properties(rng, 700)]
    features = simulated_features(rng, 700)
    reference = fit_reference(
        square[:300],
        features[:300],
        rng.normal(size=(300, 3)),
        features[300:],
        train_properties=square[300:],
        seed=0,
    )
    new, near = square[0], features[300]
    wide = {**new, "aspect": float(np.log2(4 / 3)), "size": 8.8}
    assert reference.score(wide, near, np.zeros(3)).inside
    absurd = {**new, "aspect": 5.0}
    assert reference.score(absurd, near, np.zeros(3)).reasons[0] == "very wide"


def test_the_table_has_a_row_for_each_held_out_picture() -> None:
    table = toy_reference().table()
    assert set(NAMES) < set(table)
    assert {"confidence", "predicted", "look_score", "feature_score", "domain_score"} < set(table)
    assert [name for name in table if name.startswith("pca_")] == [f"pca_{i:02}" for i in range(32)]
    assert {len(column) for column in table.values()} == {120}
    assert set(table["predicted"]) == {0.0, 1.0}
    assert 0.5 <= table["confidence"].min() <= table["confidence"].max() <= 1


def test_the_projection_keeps_the_directions_that_vary() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(400, 64)) * np.geomspace(10, 0.01, 64)
    reference = fit_reference(
        simulated_properties(rng, 100),
        features[:100],
        rng.normal(size=(100, 2)),
        features[100:],
        train_properties=simulated_properties(rng, 100),
        seed=0,
    )
    rows = np.stack([np.frombuffer(reference.project(one), "<f2") for one in features[:100]])
    assert rows.shape == (100, 32)
    kept = ((rows - rows.mean(axis=0)).astype(np.float64) ** 2).sum()
    assert kept > 0.99 * ((features[:100] - features[:100].mean(axis=0)) ** 2).sum()
    assert np.allclose(rows[:, 0], reference.table()["pca_00"], atol=0.02)


def test_fewer_directions_than_columns_leave_zeros() -> None:
    projected = np.frombuffer(toy_reference().project(np.ones(8)), "<f2")
    assert projected.shape == (32,)
    assert (projected[8:] == 0).all()


def test_huge_features_stay_finite_in_half_precision() -> None:
    assert np.isfinite(np.frombuffer(toy_reference().project(np.full(8, 1e9)), "<f2")).all()


def test_a_saved_reference_scores_as_before_and_saves_the_same_bytes() -> None:
    reference = simulated_reference(1, 200)
    loaded = Reference.load(reference.save())
    assert loaded.save() == reference.save()
    rng = np.random.default_rng(8)
    for properties in simulated_properties(rng, 20):
        features, logits = simulated_features(rng, 1)[0], rng.normal(size=3)
        assert loaded.score(properties, features, logits) == reference.score(
            properties, features, logits
        )
        assert loaded.project(features) == reference.project(features)
    assert loaded.table().keys() == reference.table().keys()


def test_the_same_seed_gives_the_same_reference() -> None:
    assert simulated_reference(2, 80).save() == simulated_reference(2, 80).save()


def test_a_large_training_set_is_kept_as_two_thousand_rows() -> None:
    reference = simulated_reference(0, 60, train=2500)
    assert reference.neighbours.rows.shape == (2000, 12)
    assert reference.neighbours.k == 50


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x80\x04]\x94.", simulated_reference(0, 60).save()[:-9]]
)
def test_what_is_no_reference_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an archive of arrays"):
        Reference.load(data)


def test_a_reference_with_a_pickle_or_without_a_part_is_refused() -> None:
    whole = dict(np.load(BytesIO(simulated_reference(0, 60).save())))
    for change in (
        {"calibration": np.array([{"a": 1}], dtype=object)},
        {"calibration": np.array([np.nan])},
        {"calibration": np.array(["x"])},
    ):
        file = BytesIO()
        np.savez(file, **(whole | change))
        with pytest.raises(ValueError, match=r"pickle|finite"):
            Reference.load(file.getvalue())
    del whole["calibration"]
    file = BytesIO()
    np.savez(file, **whole)
    with pytest.raises(ValueError, match="not a reference: 'calibration'"):
        Reference.load(file.getvalue())


def test_an_archive_that_claims_too_much_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 1_000_000)
    file = BytesIO()
    np.savez_compressed(file, bomb=np.zeros(200_000))
    assert len(file.getvalue()) < 10_000
    with pytest.raises(ValueError, match="claims"):
        Reference.load(file.getvalue())


def test_parts_that_do_not_belong_together_are_refused() -> None:
    rng = np.random.default_rng(0)
    looks, features = simulated_properties(rng, 60), simulated_features(rng, 59)
    with pytest.raises(ValueError, match="60 properties, 59 features"):
        fit_reference(looks, features, features[:, :3], features, train_properties=looks, seed=0)
    with pytest.raises(ValueError, match="0 properties"):
        fit_reference([], features[:0], features[:0], features, train_properties=looks, seed=0)
