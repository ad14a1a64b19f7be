"""Set the gauges from the database's rows, so that any monitor that is scraped tells the same."""

from datetime import datetime, timedelta

from monitoring import metrics, watched
from store import figures, heartbeats, predictions, reviews, rollouts, webhooks, windows
from store.database import Session
from store.rollouts import Live
from store.tables.predictions import STAGES
from store.tables.reviews import LANES
from store.tables.rollouts import SWITCHES

ALIVE_WITHIN = timedelta(minutes=1)


def refresh(session: Session, now: datetime) -> None:
    """Read everything once; whatever raises leaves the gauges that were set and the ones that were not."""
    live = rollouts.live(session)
    _models(live)
    _queue(session, now)
    _traffic(session, now)
    _window(session, live)
    _heartbeats(session, now)
    _way(session)
    _outbox(session, now)
    metrics.ROWS.show(watched.rows(session, live, now))


def _models(live: Live) -> None:
    for role, model in (("incumbent", live.incumbent), ("candidate", live.candidate)):
        metrics.MODEL_VERSION.labels(role).set(model.number if model else 0)


def _queue(session: Session, now: datetime) -> None:
    queue = reviews.queue(session, now)
    for lane in LANES:
        metrics.QUEUE.labels(lane).set(queue.open_by_lane.get(lane, 0))
    oldest = figures.oldest_by_lane(session)
    for lane in LANES:
        waited = (now - oldest[lane]).total_seconds() if lane in oldest else 0.0
        metrics.QUEUE_AGE.labels(lane).set(max(0.0, waited))
    age = (now - queue.oldest).total_seconds() if queue.oldest else 0.0
    metrics.QUEUE_OLDEST.set(max(0.0, age))


def _traffic(session: Session, now: datetime) -> None:
    counted = predictions.traffic(session, now - timedelta(hours=1))
    for kind in metrics.TRAFFIC:
        value = getattr(counted, "predictions" if kind == "all" else kind)
        metrics.PREDICTIONS_LAST_HOUR.labels(kind).set(value)


def _window(session: Session, live: Live) -> None:
    newest = windows.latest_of(session, live.incumbent.version_id, 0) if live.incumbent else None
    for verdict in metrics.VERDICTS:
        metrics.WINDOW_VERDICT.labels(verdict).set(newest is not None and newest.verdict == verdict)
    metrics.WINDOW_ENDS.set(newest.ends_at.timestamp() if newest else 0)
    metrics.WINDOW_PICTURES.set(newest.pictures if newest else 0)


def _heartbeats(session: Session, now: datetime) -> None:
    seen, alive = heartbeats.last(session), figures.alive(session, now, ALIVE_WITHIN)
    for program in metrics.PROGRAMS:
        metrics.HEARTBEAT.labels(program).set(seen[program].timestamp() if program in seen else 0)
        metrics.ALIVE.labels(program).set(alive.get(program, 0))


def _way(session: Session) -> None:
    way, thrown = figures.way(session), figures.switches(session)
    for stage in STAGES:
        metrics.STAGE.labels(stage).set(way is not None and way.stage == stage)
    metrics.SHARE.set(way.share if way else 0)
    for verdict in metrics.DECISIONS:
        metrics.DECISION.labels(verdict).set(way is not None and way.verdict == verdict)
    metrics.DECIDED.set(way.decided_at.timestamp() if way and way.decided_at else 0)
    for switch in SWITCHES:
        metrics.SWITCH.labels(switch).set(switch in thrown)


def _outbox(session: Session, now: datetime) -> None:
    outbox = webhooks.outbox(session, now - timedelta(days=1))
    metrics.OUTBOX.set(outbox.waiting)
    age = (now - outbox.oldest).total_seconds() if outbox.oldest else 0.0
    metrics.OUTBOX_AGE.set(max(0.0, age))
    metrics.GIVEN_UP.set(outbox.given_up)
