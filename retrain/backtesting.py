"""A version against another on labels that neither has seen: better, worse or cannot tell.

Both bundles are loaded and asked by the code that serves, on the same pictures, one of each duplicate group. The
verdict is that of all pictures together, but what is worse on one source of pictures is worse: the folder's own
pictures must not pay for those that people were asked about, which were chosen because somebody doubted them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from classifier.classifier import Classifier
from classifier.pictures import BadPicture, Picture, open_picture
from monitoring.evidence import Comparison, compare
from retrain.progress import Watch
from retrain.scoring import share
from retrain.unseen import Unseen, UnseenLabels
from store.models import NewBacktest
from store.tables import ModelVersion

ALPHA = 0.05


@dataclass(frozen=True)
class Asked:
    """What two models said of one picture; `against_right` is None where there is no other model."""

    about: Unseen
    right: bool
    against_right: bool | None


def backtest(
    version: ModelVersion,
    candidate: Classifier,
    against: ModelVersion | None,
    incumbent: Classifier | None,
    unseen: UnseenLabels,
    read: Callable[[str], bytes],
    watch: Watch,
) -> NewBacktest:
    """Ask both about every unseen picture. Without another version the verdict is that nobody can tell."""
    asked: list[Asked] = []
    unreadable = 0
    for number, one in enumerate(unseen.labels):
        watch("backtest", number / len(unseen.labels), f"{number} of {len(unseen.labels)} labels")
        try:
            picture = open_picture(read(one.picture_digest))
        except BadPicture:
            unreadable += 1
            continue
        theirs = None if incumbent is None else _right(incumbent, picture, one)
        asked.append(Asked(one, _right(candidate, picture, one), theirs))
    detail = {
        "by_class": {name: _counts(them) for name, them in _by(asked, "label").items()},
        "by_source": {name: _counts(them) for name, them in _by(asked, "source").items()},
        "disputed": unseen.disputed,
        "unreadable": unreadable,
    }
    if against is None:
        return _alone(version, asked, detail)
    return _compared(version, against, asked, detail)


def _alone(version: ModelVersion, asked: Sequence[Asked], detail: dict[str, Any]) -> NewBacktest:
    right = sum(one.right for one in asked)
    return NewBacktest(
        model_version_id=version.id,
        against_id=None,
        verdict="cannot_tell",
        pictures=len(asked),
        accuracy=right / len(asked) if asked else None,
        against_accuracy=None,
        difference=None,
        low=None,
        high=None,
        detail={**detail, "all": share(right, len(asked))},
    )


def _compared(
    version: ModelVersion, against: ModelVersion, asked: Sequence[Asked], detail: dict[str, Any]
) -> NewBacktest:
    over_all = _compare(asked, ALPHA)
    sources = _by(asked, "source")
    by_source = {name: _compare(them, ALPHA / len(sources)) for name, them in sources.items()}
    worse_on = [name for name, one in by_source.items() if one.verdict == "worse"]
    return NewBacktest(
        model_version_id=version.id,
        against_id=against.id,
        verdict="worse" if worse_on else over_all.verdict,
        pictures=over_all.pictures,
        accuracy=over_all.accuracy,
        against_accuracy=over_all.against_accuracy,
        difference=over_all.difference,
        low=over_all.low,
        high=over_all.high,
        detail={
            **detail,
            "by_source": {name: asdict(one) for name, one in by_source.items()},
            "wins": over_all.wins,
            "losses": over_all.losses,
            "worse_on": worse_on,
        },
    )


def _right(classifier: Classifier, picture: Picture, about: Unseen) -> bool:
    return classifier.opine(picture).label == about.label


def _compare(asked: Sequence[Asked], alpha: float) -> Comparison:
    return compare([one.right for one in asked], [bool(one.against_right) for one in asked], alpha)


def _by(asked: Sequence[Asked], what: str) -> dict[str, list[Asked]]:
    names = sorted({getattr(one.about, what) for one in asked})
    return {name: [one for one in asked if getattr(one.about, what) == name] for name in names}


def _counts(asked: Sequence[Asked]) -> Mapping[str, int]:
    return {
        "pictures": len(asked),
        "right": sum(one.right for one in asked),
        "against_right": sum(bool(one.against_right) for one in asked),
    }
