"""The single scores of features and logits, and their fusion."""

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.entropy import MOST_CLASSES, generalised_entropy
from classifier.fusion import cross_fitted, fit_fusion, fuse, softly_largest
from classifier.look import PARTS
from classifier.neighbours import of_length_one
from classifier.relative import ENOUGH, Relative, fit_relative

Floats = NDArray[np.float64]
CENTRES = np.random.default_rng(5).normal(size=(3, 8)) * 2


def features(rng: np.random.Generator, n: int) -> tuple[Floats, NDArray[np.int64]]:
    """Three classes that vary alike, along their own directions."""
    labels = rng.integers(0, 3, n)
    return CENTRES[labels] + rng.normal(size=(n, 8)) * np.geomspace(1, 0.1, 8), labels


def fitted(n: int = 400) -> Relative:
    relative = fit_relative(*features(np.random.default_rng(0), n))
    assert relative is not None
    return relative


def test_relative_distances_need_five_pictures_a_column_and_labels() -> None:
    x, y = features(np.random.default_rng(0), ENOUGH * 8 + 1)
    assert fit_relative(x, y) is not None
    assert fit_relative(x[:-1], y[:-1]) is None
    assert fit_relative(x, None) is None
    with pytest.raises(ValueError, match="labels"):
        fit_relative(x, y[:-1])


def test_relative_distances_are_those_of_the_two_gaussians() -> None:
    """With many pictures the shrinkage is next to nothing, and the textbook's formula gives the same."""
    rng = np.random.default_rng(1)
    x, y = features(rng, 20_000)
    relative = fit_relative(x, y)
    assert relative is not None
    unit = of_length_one(x).astype(np.float64)
    means = np.stack([unit[y == one].mean(axis=0) for one in range(3)])
    within = np.linalg.inv(np.cov((unit - means[y]).T, bias=True))
    overall = np.linalg.inv(np.cov(unit.T, bias=True))
    new = of_length_one(features(rng, 50)[0]).astype(np.float64)
    nearest = [min(row @ within @ row for row in one - means) for one in new]
    to_all = [(one - unit.mean(axis=0)) @ overall @ (one - unit.mean(axis=0)) for one in new]
    expected = np.array(nearest) - np.array(to_all)
    assert np.allclose(relative.distances(new), expected, rtol=0.02, atol=0.1)


def test_what_lies_between_the_classes_is_far_from_each() -> None:
    relative, rng = fitted(), np.random.default_rng(2)
    ordinary, _ = features(rng, 300)
    between = -CENTRES.mean(axis=0) + rng.normal(size=(300, 8))
    assert np.median(relative.distances(between)) > np.quantile(relative.distances(ordinary), 0.95)


def test_features_that_never_vary_are_no_division_by_zero() -> None:
    x, y = features(np.random.default_rng(0), 400)
    relative = fit_relative(np.concatenate([x, np.zeros((400, 4))], axis=1), y)
    assert relative is not None
    assert np.isfinite(relative.distances(np.ones((3, 12)))).all()


def test_entropy_is_largest_where_the_network_cannot_decide() -> None:
    sure, torn, lost = generalised_entropy([[9.0, 0, 0], [4.0, 4.0, 0], [0.0, 0.0, 0.0]])
    assert sure < torn < lost
    assert lost == pytest.approx(3 * (2 / 9) ** 0.1)


def test_entropy_looks_at_the_hundred_most_probable_classes() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 1000))
    largest = np.sort(logits, axis=1)[:, -MOST_CLASSES:]
    shares = np.exp(largest) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = ((shares * (1 - shares)) ** 0.1).sum(axis=1)
    assert np.allclose(generalised_entropy(logits), expected)


def test_one_strange_score_is_enough_and_further_is_stranger() -> None:
    rng = np.random.default_rng(3)
    tails = fit_fusion(rng.normal(size=(600, PARTS + 2)))
    for place in range(PARTS + 2):
        scores = []
        for far in (0.0, 3.0, 6.0):
            single = np.zeros((1, PARTS + 2))
            single[0, place] = far
            fused = fuse(tails, single)
            scores.append(float(fused.domain[0]))
            assert (fused.look[0] > fused.feature[0]) == (place < PARTS) or far == 0
        assert scores[0] < scores[1] < scores[2]


def test_the_soft_maximum_is_never_above_the_largest() -> None:
    rows = np.random.default_rng(0).exponential(3, size=(500, 5))
    soft = softly_largest(rows)
    assert (soft <= rows.max(axis=1) + 1e-12).all()
    assert (soft >= rows.max(axis=1) - np.log(5)).all()
    assert np.isfinite(softly_largest(np.array([[1e4, 0.0]]))).all()


def test_a_single_strong_score_survives_the_fusion() -> None:
    """One of three scores tells the shift, binormal AUROC .90: the fusion may lose .09 (the best symmetric one
    loses .07; two standard errors of 4,000 pictures are .01)."""
    rng = np.random.default_rng(4)
    tails = fit_fusion(rng.normal(size=(2000, 3)))
    ordinary = softly_largest(tails.score(rng.normal(size=(4000, 3))))
    shifted = softly_largest(tails.score(rng.normal(size=(4000, 3)) + np.array([1.812, 0, 0])))
    above = np.searchsorted(np.sort(ordinary), shifted).mean() / 4000
    assert above > 0.90 - 0.09


def test_a_cross_fitted_score_never_saw_its_own_picture() -> None:
    """What is far out stays as far out as for a picture that the tails did not see."""
    rng = np.random.default_rng(5)
    singles = rng.normal(size=(100, PARTS + 2))
    singles[7, 0] = 50.0
    found = cross_fitted(singles, 1).domain
    alone = fuse(fit_fusion(np.delete(singles, 7, axis=0)), singles[7:8]).domain[0]
    assert found.argmax() == 7
    assert found[7] > 0.5 * alone
