"""What windows, detectors, alarms, accuracy and jobs say now, as series with few labels.

A consumer may name any number of segments and a model may have many classes: the largest segments have series of
their own and the rest is not shown here (the pages show all of it); every class has its estimate, and the classes that
look worst their interval too. Nothing is computed here: what stands in the rows is handed on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from monitoring.metrics import MOST_CLASSES, MOST_INTERVALS, MOST_SEGMENTS, MOST_VERSIONS
from monitoring.snapshot import OTHER, Series, few
from store import accuracies, alarms, detectors, figures, models
from store.database import Session
from store.rollouts import Live
from store.tables import Accuracy, Alarm

ALL = "all"
# kinds of alarms and jobs that have series of their own; whatever is added later counts as "other" until it is here
ALARMS = ("window", "online", "accuracy", "rollout_guard", "rollout_held", "evidence_overdue")
JOBS = (
    "train", "backtest", "export", "clean", "window", "null_replay", "accuracy", "retention", "webhooks",
)  # fmt: skip
# what is older than that says nothing about now
LATELY = timedelta(days=7)

Values = dict[str, Series]
_Found = dict[tuple[str, ...], float]


def rows(session: Session, live: Live, now: datetime) -> Values:
    """Every series of `metrics.ROWS`."""
    return {
        **_jobs(session, now),
        **_alarms(alarms.open_alarms(session)),
        **_windows(session, live, now),
        **_detectors(session, live),
        **_accuracies(session),
    }


def _jobs(session: Session, now: datetime) -> Values:
    waiting: _Found = {(kind,): 0.0 for kind in (*JOBS, OTHER)}
    failed = dict(waiting)
    for kind, work in figures.work(session, now, now - timedelta(days=1)).items():
        label = (kind if kind in JOBS else OTHER,)
        waiting[label] += work.waiting
        failed[label] += work.failed
    return {"ursa_jobs_waiting": waiting, "ursa_jobs_failed_last_day": failed}


def _alarms(found: Sequence[Alarm]) -> Values:
    count: _Found = {(kind, pages): 0.0 for kind in (*ALARMS, OTHER) for pages in ("true", "false")}
    raised: _Found = {}
    for one in found:
        label = (one.kind if one.kind in ALARMS else OTHER, "true" if one.pages else "false")
        if count[label] == 0:
            # the newest comes first: an alert leads to its page
            raised[*label, one.id] = one.raised_at.timestamp()
        count[label] += 1
    return {"ursa_alarms_open": count, "ursa_alarm_raised_timestamp_seconds": raised}


def _windows(session: Session, live: Live, now: datetime) -> Values:
    if live.incumbent is None:
        return {}
    version = str(live.incumbent.number)
    found = {
        _segment(one.segment): one
        for one in figures.windows_by_segment(session, live.incumbent.version_id, now - LATELY)
    }
    shown = _largest({name: one.pictures for name, one in found.items()})
    drift: _Found = {
        (version, name): float(found[name].verdict == "drift")
        for name in shown
        if found[name].verdict != "too_few"
    }
    pictures: _Found = {(version, name): float(found[name].pictures) for name in shown}
    return {"ursa_segment_window_drift": drift, "ursa_segment_window_pictures": pictures}


def _detectors(session: Session, live: Live) -> Values:
    if live.incumbent is None:
        return {}
    version = str(live.incumbent.number)
    found = {
        _segment(one.stream): one
        for one in detectors.of_version(session, live.incumbent.version_id)
    }
    shown = _largest({name: one.seen for name, one in found.items()})
    values: dict[str, _Found] = {
        "ursa_detector_statistic": {},
        "ursa_detector_threshold": {},
        "ursa_detector_seen_pictures": {},
    }
    for name in shown:
        label, row = (version, name), found[name]
        values["ursa_detector_seen_pictures"][label] = row.seen
        for gauge, key in (("statistic", "statistic"), ("threshold", "threshold")):
            if key in row.state:
                values[f"ursa_detector_{gauge}"][label] = float(row.state[key])
    return dict(values)


def _accuracies(session: Session) -> Values:
    found = accuracies.newest(session)
    numbers = {one.id: one.number for one in models.newest_first(session, limit=MOST_VERSIONS)}
    values: dict[str, _Found] = {
        "ursa_accuracy_ratio": {},
        "ursa_accuracy_low_ratio": {},
        "ursa_accuracy_high_ratio": {},
        "ursa_accuracy_effective_labels": {},
    }
    for one, interval in _chosen(found, numbers):
        version = ALL if one.model_version_id is None else str(numbers[one.model_version_id])
        label = (version, one.slice_kind, one.slice_name or ALL)
        told = {"ursa_accuracy_ratio": one.estimate}
        if interval:
            told |= {
                "ursa_accuracy_low_ratio": one.low,
                "ursa_accuracy_high_ratio": one.high,
                "ursa_accuracy_effective_labels": one.effective_labels,
            }
        for gauge, value in told.items():
            if value is not None:
                values[gauge][label] = value
    ends: _Found = {(): max(one.ends_at for one in found).timestamp()} if found else {}
    return {**values, "ursa_accuracy_end_timestamp_seconds": ends}


def _chosen(
    found: Sequence[Accuracy], numbers: Mapping[str, int]
) -> Iterable[tuple[Accuracy, bool]]:
    """The rows that are shown, each with whether its interval is: versions overall, all versions by slice."""
    together = [one for one in found if one.model_version_id is None]
    for one in found:
        if one.slice_kind == "all" and (
            one.model_version_id is None or one.model_version_id in numbers
        ):
            yield one, True
    segments = {one.slice_name: one for one in together if one.slice_kind == "segment"}
    for name in sorted(few(((name, one.labels) for name, one in segments.items()), MOST_SEGMENTS)):
        yield segments[name], True
    # a class of which nothing is known yet cannot be the worst
    classes = sorted(
        (one for one in together if one.slice_kind == "class" and one.estimate is not None),
        key=lambda one: (one.estimate, one.slice_name),
    )
    for place, one in enumerate(classes[:MOST_CLASSES]):
        yield one, place < MOST_INTERVALS


def _segment(name: str) -> str:
    # a consumer's own "all" is not all of them
    return f"segment {ALL}" if name == ALL else name or ALL


def _largest(weights: Mapping[str, float]) -> list[str]:
    named = ((name, weight) for name, weight in weights.items() if name != ALL)
    return sorted(few(named, MOST_SEGMENTS)) + [name for name in (ALL,) if name in weights]
