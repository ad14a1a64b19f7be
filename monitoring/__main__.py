"""`python -m monitoring work`: watch what comes in, until told to stop; and what else people ask of it.

Whatever keeps it from starting is one sentence on standard error and exit code 1; a database that does not answer
yet is waited for. SIGTERM and SIGINT end it with exit code 0, in the middle of a check too.
"""

import argparse
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from prometheus_client import start_http_server

from monitoring import commands, loop, metrics
from monitoring.monitor import Monitor, Stop, Stopped
from monitoring.references import References
from monitoring.retention import Run
from monitoring.settings import MonitoringSettings, read_settings
from store import command_line, logs, migrate
from store.bundles import BundleStore
from store.database import Database
from store.errors import Invalid, StoreError
from store.objects import Objects
from store.pictures import storage_of

log = structlog.get_logger("monitoring")


def main(words: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    asked = build_parser().parse_args(words)
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with suppress(Stopped):
            logs.configure()
            if asked.command != "work":
                return _answer(read_settings(), asked)
            _work(read_settings(), stop)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    log.info("stopped")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Every command."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring", description="Watch what comes in."
    )
    names = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    names.add_parser("work", help="check windows and keep the gauges, until told to stop")
    again = names.add_parser("recompute", help="compute a verdict again from its row")
    again.add_argument("id", help="of a window, or of an alarm of the online detectors")
    accept = names.add_parser("accept", help="say that a window was as it should be")
    accept.add_argument("id", help="of a window")
    accept.add_argument("--reason", required=True, help="why; written down with who types this")
    replay = names.add_parser(
        "replay-decision", help="conclude again what was concluded about a candidate"
    )
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="of a decision")
    which.add_argument("--all", action="store_true", help="every decision there is")
    old = names.add_parser("retention", help="take what is too old now, and say what that was")
    how = old.add_mutually_exclusive_group(required=True)
    how.add_argument("--dry-run", action="store_true", help="say it, and take nothing")
    how.add_argument("--reason", help="why; written down with who types this")
    return parser


def _answer(settings: MonitoringSettings, asked: argparse.Namespace) -> int:
    database = Database(settings.store.database_url, pool_size=2)
    try:
        migrate.check(database)
        if asked.command == "accept":
            who = command_line.actor()
            return commands.accept(database, asked.id, who, asked.reason, _now())
        if asked.command == "replay-decision":
            return commands.replay_decisions(database, None if asked.all else asked.id)
        if asked.command == "retention":
            return _retention(database, settings, asked)
        references = _references(database, settings)
        return commands.recompute_one(database, references, asked.id)
    finally:
        database.dispose()


def _retention(database: Database, settings: MonitoringSettings, asked: argparse.Namespace) -> int:
    if asked.dry_run:
        return commands.say_old(database, settings, _now())
    # one that is away must not look as if every picture were gone
    run = Run(database, Objects(settings.store.storage_url, there=True), settings, _now())
    return commands.take_old(run, command_line.actor(), asked.reason)


def _work(settings: MonitoringSettings, stop: Stop) -> None:
    database = Database(settings.store.database_url, pool_size=4)
    try:
        if not migrate.wait_for(database, lambda: _pause(settings, stop)):
            return
        references = _references(database, settings)
        _serve_metrics(settings)
        loop.work(Monitor(settings, _now, database, references), stop)
    finally:
        database.dispose()


def _pause(settings: MonitoringSettings, stop: Stop) -> bool:
    stop.wait(settings.monitoring_poll_seconds)
    return not stop.asked


def _references(database: Database, settings: MonitoringSettings) -> References:
    objects = storage_of(database, settings.store.storage_url)
    return References(BundleStore(objects, settings.bundle_cache))


def _serve_metrics(settings: MonitoringSettings) -> None:
    host, port = settings.monitoring_metrics_host, settings.monitoring_metrics_port
    if not port:
        return
    try:
        start_http_server(port, host, metrics.REGISTRY)
    except OSError as error:
        raise Invalid(
            f"Metrics cannot be served on {host}:{port}: {(error.strerror or str(error)).lower()}."
            " URSA_MONITORING_METRICS_PORT chooses another port, 0 serves none."
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    code = main()
    # what a command says into a file or a pipe is still on its way
    sys.stdout.flush()
    sys.stderr.flush()
    # taking down all that the report library has loaded takes seconds, and nothing is left to be saved
    os._exit(code)
