"""How right a model is on pictures that it never learned from: shares with intervals, per class, calibration."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.calibration import expected_calibration_error
from monitoring.evidence import wilson


def score(
    probabilities: NDArray[np.float64], labels: Sequence[str], classes: Sequence[str]
) -> dict[str, Any]:
    """A report of plain numbers for n pictures: probabilities (n, K), one label each.

    `confusion[i][j]`: pictures of class i that were called class j. Without pictures there are only zeros.
    """
    places = {name: place for place, name in enumerate(classes)}
    truth = np.array([places[one] for one in labels], dtype=np.int64)
    said = probabilities.argmax(axis=1) if len(truth) else truth
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (truth, said), 1)
    of_class = Counter(labels)
    return {
        **share(int((said == truth).sum()), len(truth)),
        "by_class": {
            name: share(int(confusion[place, place]), of_class[name])
            for place, name in enumerate(classes)
        },
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "calibration_error": (
            expected_calibration_error(probabilities, truth) if len(truth) else None
        ),
    }


def share(right: int, pictures: int) -> dict[str, Any]:
    """How many were right of how many, the share, and Wilson's 95 % interval."""
    low, high = wilson(right, pictures)
    return {
        "right": right,
        "pictures": pictures,
        "share": right / pictures if pictures else None,
        "low": low,
        "high": high,
    }


def in_words(report: dict[str, Any]) -> str:
    """The share right with its interval, as people read it."""
    if not report["pictures"]:
        return "not known: no pictures that it has not learned from"
    return (
        f"{report['share']:.1%} ({report['low']:.1%} to {report['high']:.1%},"
        f" {report['pictures']} pictures)"
    )
