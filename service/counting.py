"""Count answers and requests in the metrics, under labels that stay few whatever is sent.

A consumer chooses segments, and classes and versions come and go: the first so many names are counted as themselves
and the later ones together as "other"; of versions the latest few are kept and the series of older ones end.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from classifier.domain import DomainScore
from service import metrics
from store.prediction_log import NewPrediction

OTHER = "other"
# codes that a runbook asks for: they have a name of their own however late they come
OVERLOAD = ("busy", "too_fast")
NONE = "none"
PREDICTIONS = ("/v1/predictions", "/try")
HEALTH = ("/livez", "/readyz", "/metrics")


class Few:
    """The first `most` names that came are themselves, every later one is "other"; `first` are there already."""

    def __init__(self, most: int, first: Sequence[str] = ()) -> None:
        self._most = most
        self._known = set(first)
        self._lock = threading.Lock()

    def label(self, name: str) -> str:
        """What a name is counted as."""
        if name in self._known:
            return name
        with self._lock:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


class Latest:
    """The `most` model versions that answered last; `label` says which one had to go for the newest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def label(self, name: str) -> tuple[str, str | None]:
        """What a version is counted as, and the version whose series end."""
        with self._lock:
            self._known[name] = None
            self._known.move_to_end(name)
            gone = self._known.popitem(last=False)[0] if len(self._known) > self._most else None
        return name, gone


_segments, _classes, _codes = Few(20), Few(100), Few(30, OVERLOAD)
_versions = Latest(4)


def answer(row: NewPrediction, version: int | None, domain: DomainScore | None) -> None:
    """Count a prediction that was kept; `version` and `domain` are None when no model looked."""
    metrics.PREDICTIONS.labels(row.status, row.decision).inc()
    segment = _segments.label(row.segment) if row.segment else NONE
    name, gone = _versions.label(NONE if version is None else str(version))
    for flag, is_it in zip(
        metrics.FLAGS, (row.inside is False, row.inside is not False), strict=True
    ):
        # also what did not happen: a share is a quotient, and needs both series
        metrics.ANSWERS_BY_SEGMENT.labels(segment, flag).inc(is_it)
        metrics.ANSWERS_BY_VERSION.labels(name, flag).inc(is_it)
    for one in metrics.FLAGS if gone is not None else ():
        metrics.ANSWERS_BY_VERSION.remove(gone, one)
    if row.label is not None:
        metrics.ANSWERS_BY_CLASS.labels(_classes.label(row.label)).inc()
    if row.confidence is not None:
        metrics.CONFIDENCE.observe(row.confidence)
    if domain is not None and domain.calibrated:
        for score, p in zip(
            metrics.SCORES, (domain.look_p, domain.feature_p, domain.p), strict=True
        ):
            metrics.DOMAIN_P.labels(score).observe(p)


def problem(code: str) -> None:
    """Count a request that was refused or failed."""
    metrics.PROBLEMS.labels(_codes.label(code)).inc()


def request(path: str, status: int, seconds: float) -> None:
    """Count a request that has its answer."""
    area = _area(path)
    metrics.REQUESTS.labels(area, _status(status)).inc()
    metrics.REQUEST_SECONDS.labels(area).observe(seconds)


def _area(path: str) -> str:
    if path in PREDICTIONS:
        return "predictions"
    if path.startswith("/v1/"):
        return "api"
    if path.startswith("/review"):
        return "review"
    return "health" if path in HEALTH else "pages"


def _status(status: int) -> str:
    if status == 429:
        return "429"
    # 0: whoever asked had gone before there was an answer
    return f"{status // 100}xx" if 200 <= status < 600 else "4xx"
