"""What one web process holds while it runs, made at the start and closed at the end in the opposite order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

import classifier
from classifier.engine_process import EngineProcesses
from classifier.policy import Policy, PolicyError, parse_policy
from service.background import Background
from service.clock import Clock
from service.core_processes import CoreProcesses
from service.cores import Cores
from service.limits import TokenBuckets
from service.live import LiveModels
from service.replaying import FirstAnswers
from service.settings import Settings, core_environment
from service.shadowing import Shadows
from service.unnamed import Unnamed
from store import migrate, people, predictions
from store.bundles import BundleStore
from store.database import Database
from store.errors import Conflict, Invalid, Unavailable
from store.objects import Objects
from store.pictures import PictureStore, storage_of
from store.prediction_log import PredictionLog

# predictions made by people on the page belong to a consumer too
OWN_CONSUMER = "try it"
# for which the first process waits where others keep the database busy
START_SECONDS, PAUSE_SECONDS = 20.0, 0.1
_ROOT = Path(classifier.__file__).parent.parent


@dataclass(frozen=True)
class Program:
    """Everything that acts and doors need. `probes` is a way into the database that never waits long."""

    settings: Settings
    clock: Clock
    database: Database
    probes: Database
    objects: Objects
    pictures: PictureStore
    unnamed: Unnamed
    bundles: BundleStore
    log: PredictionLog
    live: LiveModels
    policy: Policy
    cores: Cores
    core_processes: CoreProcesses | None
    shadows: Shadows
    first_answers: FirstAnswers
    sign_in_rates: TokenBuckets
    own_consumer_id: str


@contextmanager
def open_program(settings: Settings, clock: Clock) -> Iterator[Program]:
    """Raises a StoreError with one sentence when the process cannot start."""
    policy = read_policy(settings)
    with ExitStack() as closing:
        database, probes = _databases(settings, closing)
        migrate.check(database)
        objects = storage_of(database, settings.store.storage_url)
        objects.probe()
        own_consumer_id = _prepare(database, policy, clock())
        candidates = EngineProcesses(
            settings.candidate_bytes, settings.cores, core_environment(_ROOT)
        )
        # behind the log: what is ended in the middle of a picture by the end of all is no finding about a candidate
        closing.callback(candidates.stop)
        log = PredictionLog(database)
        log.start()
        closing.callback(log.stop)
        bundles = BundleStore(objects, settings.bundle_cache)
        core_processes = _core_processes(settings, closing)
        live = LiveModels(
            database,
            objects,
            bundles,
            clock,
            settings.poll_seconds,
            core_processes.load if core_processes is not None else lambda _folder: None,
            candidates if settings.core_processes else None,
        )
        closing.callback(live.stop)
        live.start()
        unnamed = Unnamed()
        background = Background(database, clock, unnamed, private=settings.webhook_private)
        closing.callback(background.stop)
        background.start()
        cores = Cores(
            settings.cores, settings.queue_per_core * settings.cores, settings.queue_seconds
        )
        yield Program(
            settings=settings,
            clock=clock,
            database=database,
            probes=probes,
            objects=objects,
            pictures=PictureStore(objects),
            unnamed=unnamed,
            bundles=bundles,
            log=log,
            live=live,
            policy=policy,
            cores=cores,
            core_processes=core_processes,
            shadows=Shadows(
                cores,
                2 * settings.cores,
                settings.shadow_seconds,
                settings.candidate_seconds,
                live.fail,
            ),
            first_answers=FirstAnswers(database, clock),
            # ten attempts at once, then one every six seconds, from one address
            sign_in_rates=TokenBuckets(1 / 6, 10),
            own_consumer_id=own_consumer_id,
        )


def _databases(settings: Settings, closing: ExitStack) -> tuple[Database, Database]:
    """For requests, and for whoever asks whether there is one: that needs no place among the others."""
    url, seconds = settings.store.database_url, settings.database_seconds
    database = Database(
        url, pool_size=16, wait_seconds=min(5.0, seconds), statement_seconds=seconds
    )
    closing.callback(database.dispose)
    probes = Database(url, pool_size=1, wait_seconds=1.0, statement_seconds=1.0)
    closing.callback(probes.dispose)
    return database, probes


def _core_processes(settings: Settings, closing: ExitStack) -> CoreProcesses | None:
    """None where pictures are seen in this process."""
    if not settings.core_processes:
        return None
    started = CoreProcesses(settings.cores)
    closing.callback(started.stop)
    started.start()
    return started


def preflight(settings: Settings) -> None:
    """Raises a StoreError with one sentence when a process with these settings could not start."""
    read_policy(settings)
    database = Database(settings.store.database_url, pool_size=1)
    try:
        migrate.check(database)
        storage_of(database, settings.store.storage_url).probe()
    finally:
        database.dispose()


def read_policy(settings: Settings) -> Policy:
    """Raises Invalid when the policy's file cannot be read or says nothing usable."""
    try:
        return parse_policy(settings.policy_file.read_text())
    except OSError as error:
        raise Invalid(
            f"The policy {settings.policy_file} cannot be read: {error.strerror}.", "policy"
        ) from error
    except PolicyError as error:
        raise Invalid(
            f"The policy {settings.policy_file} is not usable: {error}", "policy"
        ) from error


def _prepare(database: Database, policy: Policy, now: datetime) -> str:
    """The rows that every answer stands on: the policy's text, and the consumer that pages send for (its id).

    Looked for first: a process that starts again finds them, and must not end because others write at that moment.
    Who makes them waits for the others, not without end: raises Unavailable.
    """
    until = monotonic() + START_SECONDS
    while (found := _prepared(database, policy)) is None:
        try:
            _keep(database, policy, now)
        except (Conflict, Unavailable) as error:
            # after a conflict the rows of another process that starts in the same moment are there; where the database
            # is away the next look says so
            if error.code == "disk_full" or monotonic() > until:
                raise
            sleep(PAUSE_SECONDS)
    return found


def _prepared(database: Database, policy: Policy) -> str | None:
    with database.read() as session:
        consumer = people.consumer_of(session, OWN_CONSUMER)
        kept = predictions.has_policy(session, policy.digest)
        return consumer.id if consumer is not None and kept else None


def _keep(database: Database, policy: Policy, now: datetime) -> None:
    with database.write() as session:
        predictions.keep_policy(session, policy.digest, policy.text, now)
        people.add_consumer(session, OWN_CONSUMER, now)
