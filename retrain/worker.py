"""The loop of the retrain program: say that it is alive, take one job at a time, stop when told.

A job that loses its lock stops at the next batch and writes nothing. Told to stop, the program gives its job back
at the next batch, so that another worker can begin it at once.
"""

import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

import structlog
from prometheus_client import start_http_server

from retrain import metrics, retraining
from retrain.program import Program
from retrain.progress import Watch
from retrain.settings import RetrainSettings
from store import heartbeats, jobs
from store.errors import Invalid, NotFound, StoreError, Unavailable
from store.jobs import Claimed, Hold, Lost

HEARTBEAT_SECONDS = 10.0
# between two progress reports of a job, which are rows
REPORT_SECONDS = 2.0

log = structlog.get_logger("retrain")
Act = Callable[[Program, Claimed, Watch], str]
ACTS: dict[str, Act] = {"train": retraining.train, "backtest": retraining.compare_again}


class Stopped(Exception):
    """The program was told to stop while a job was being done."""


def work(program: Program, stop: threading.Event) -> None:
    """Do jobs until `stop` is set. Raises Invalid when the metrics' port is taken."""
    settings = program.settings
    _serve_metrics(settings)
    name = f"{socket.gethostname()}-{os.getpid()}"
    beating = threading.Thread(target=_beat, args=(program, name, stop), daemon=True)
    beating.start()
    log.info("waiting for work", kinds=list(ACTS))
    jobs.run(
        program.database,
        {kind: partial(do, program, act, stop) for kind, act in ACTS.items()},
        name,
        program.clock,
        stop,
        idle_seconds=settings.poll_seconds,
        failed=_failed,
    )
    beating.join()
    log.info("stopped")


def do(program: Program, act: Act, stop: threading.Event, job: Claimed, hold: Hold) -> None:
    """One job: count it, time it, and give it back when told to stop."""
    started = monotonic()
    log.info("begins", kind=job.kind, job=job.id, attempt=job.attempt)
    metrics.BUSY.set(1)
    try:
        outcome = _outcome(program, act, stop, job, hold)
        metrics.JOBS.labels(job.kind, outcome).inc()
        log.info("ends", kind=job.kind, job=job.id, outcome=outcome)
    finally:
        metrics.BUSY.set(0)
        metrics.JOB_SECONDS.labels(job.kind).observe(monotonic() - started)


def _outcome(program: Program, act: Act, stop: threading.Event, job: Claimed, hold: Hold) -> str:
    try:
        return act(program, job, _Reporter(hold, stop))
    except Stopped:
        jobs.give_back(program.database, job, program.clock())
        return "given_back"
    except Lost:
        return "lost"
    except (Invalid, NotFound) as error:
        # it would fail the same way again
        jobs.fail(program.database, job, str(error), program.clock(), final=True)
        return "failed"


def _failed(job: Claimed, error: Exception) -> None:
    metrics.JOBS.labels(job.kind, "failed").inc()
    if isinstance(error, Unavailable):
        # nothing of its own went wrong: where it came to says nobody anything
        log.warning("cut off", kind=job.kind, job=job.id, why=str(error))
        return
    log.error("failed", kind=job.kind, job=job.id, exc_info=error)


def _serve_metrics(settings: RetrainSettings) -> None:
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        return
    try:
        start_http_server(port, host, metrics.REGISTRY)
    except OSError as error:
        raise Invalid(
            f"Metrics cannot be served on {host}:{port}: {(error.strerror or str(error)).lower()}."
            " URSA_RETRAIN_METRICS_PORT chooses another port, 0 serves none."
        ) from error


class _Reporter:
    """Watches a job: ends it when its lock is lost or the program is told to stop, else keeps its progress."""

    def __init__(self, hold: Hold, stop: threading.Event) -> None:
        self._hold, self._stop = hold, stop
        self._phase, self._reported = "", 0.0

    def __call__(self, phase: str, share: float, note: str) -> None:
        """Raises Lost and Stopped."""
        self._hold.check()
        if self._stop.is_set():
            raise Stopped
        now = monotonic()
        if phase == self._phase and now - self._reported < REPORT_SECONDS:
            return
        self._phase, self._reported = phase, now
        try:
            self._hold.progress(phase=phase, share=round(share, 3), note=note)
        except StoreError:
            log.warning("progress not kept", phase=phase)


def _beat(program: Program, name: str, stop: threading.Event) -> None:
    while True:
        try:
            heartbeats.beat(
                program.database, "retrain", name, {"kinds": list(ACTS)}, program.clock()
            )
        except StoreError:
            log.warning("heartbeat not kept")
        except Exception:  # whatever it was, the next beat may come through
            log.exception("heartbeat not kept")
        if stop.wait(HEARTBEAT_SECONDS):
            return
