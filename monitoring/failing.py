"""What is said of a job of this program that failed: a sentence where nothing of its own went wrong, else all of it."""

import structlog

from monitoring import metrics
from store.errors import Unavailable
from store.jobs import Claimed

log = structlog.get_logger("monitoring")


def say(part: str, what: str, job: Claimed, error: Exception) -> None:
    """Count and log it; `what` is the job in words."""
    metrics.FAILURES.labels(part).inc()
    if isinstance(error, Unavailable):
        # a database that is away, a disk that is full: where it came to says nobody anything
        log.warning("not now", part=part, job=job.id, why=str(error))
    else:
        log.error(f"{what} failed", job=job.id, attempt=job.attempt, exc_info=error)
