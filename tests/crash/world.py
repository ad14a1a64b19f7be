"""A small Ursa made to be killed: a toy model that answers, another alongside, work for every program.

Its programs are kept running by `Kept` threads, each in a process of its own as the Procfile starts it. On PostgreSQL
the server is killed too, or one of its workers, which makes it start over; an SQLite database has no process, so all
that have it open are killed in one moment. In addition children of the service are killed: a process that decodes
pictures, or the candidate's, after which the candidate is put on its way again.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from store import jobs, models, people, pictures, rollouts, training_sets
from store.bundles import BundleStore
from store.database import Database
from store.errors import StoreError
from store.models import NewVersion
from store.objects import Objects
from store.pictures import NewPicture, PictureStore
from store.rollouts import Actor
from tests.crash import teaching
from tests.crash.kept import Kept, children, kill_server, kill_together
from tests.journeys.programs import COMMANDS, ROOT, Programs
from tests.monitoring.given import Watched, opinions
from tests.postgres import Server
from tests.toy import CLASSES, draw, toy_bundle

BENCH = Actor("system", "a crash test")
GOLDEN = 60
# shares of the kills, by whom they hit; those of the service's children come on top
VICTIMS = {"service": 4, "monitoring": 2, "retrain": 2, "database": 2}
CHILDREN = {"core": 1, "candidate": 1}


# cut off so often, a training is let through: four more would end it for good, and it takes longer than most kills
# leave it on a machine with two cores
WORN = 3


@dataclass
class World:
    """`candidate` is the id of the version alongside; `began` is when the killing may begin."""

    folder: Path
    database: Database
    server: Server | None
    programs: Programs
    key: str
    candidate: str
    watched: Watched
    began: datetime
    window: int
    ports: list[int] = field(default_factory=list)
    kept: dict[str, Kept] = field(default_factory=dict)
    back: "PutBack | None" = None
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def storage(self) -> Path:
        """Where pictures and bundles lie."""
        return self.folder / "storage"

    def start(self) -> None:
        """Start every program; the service is ready when this returns."""
        for name in COMMANDS:
            self._keep(Kept(name, partial(self._begin, name, {})))
        self.programs.wait_for(self.programs._ready, 60, "the service to be ready")
        self.back = PutBack(self.database.url, self.candidate)
        self.back.start()

    def keep_copy(self, program: str, number: int, port: int) -> None:
        """Start one of several copies of a program, with a port and a folder of its own for bundles."""
        self.ports.append(port)
        name = f"{program}-{number}"
        own = {
            "URSA_PORT": str(port),
            "URSA_BUNDLE_CACHE": str(self.folder / f"bundles-{name}"),
            "PGAPPNAME": name,  # what the server calls its connections
        }
        self._keep(Kept(name, partial(self._begin, program, own)))

    def keep_database(self) -> None:
        """Start the server again whenever it dies."""
        server = self.server
        if server is not None:
            self._keep(Kept("database", server.start_again))

    def stop_programs(self) -> None:
        """End the programs; the database goes on."""
        if self.back is not None:
            self.back.stop()
        for name in [one for one in self.kept if one != "database"]:
            self.kept.pop(name).stop()

    def stop(self) -> None:
        """End everything, the database last."""
        self.stop_programs()
        self.database.dispose()
        if "database" in self.kept:
            self.kept.pop("database").stop()

    def kill(self, chance: random.Random) -> None:
        """Kill one of them, whoever it hits; not the worker where a training was cut off that often already."""
        spared = ("retrain", "database") if self._is_worn() else ()
        shares = {one: n for one, n in (VICTIMS | CHILDREN).items() if one not in spared}
        self.kill_one(chance.choices(list(shares), list(shares.values()))[0], chance)

    @property
    def of_programs(self) -> int:
        """Kills so far, but those of children."""
        return sum(self.kills.get(one, 0) for one in VICTIMS)

    def kill_one(self, victim: str, chance: random.Random) -> bool:
        """Kill this one; whether there was anything to kill."""
        if victim in CHILDREN:
            done = self._kill_child(victim, chance)
        elif victim != "database":
            done = self.kept[victim].kill()
        elif self.server is None:
            done = kill_together([self.kept[one] for one in COMMANDS])
        else:
            done = kill_server(self.server, self.kept["database"], chance)
        self.kills[victim] = self.kills.get(victim, 0) + done
        return done

    def _is_worn(self) -> bool:
        """Whether a training may be cut off no more: one that dies too often is given up, as it should be."""
        try:
            with self.database.read() as session:
                return any(one.cut_off >= WORN for one in jobs.unfinished(session, "train"))
        except StoreError:
            return False

    def _kill_child(self, victim: str, chance: random.Random) -> bool:
        """Of the service: a process for pictures, or that of the candidate's network."""
        service = self.kept["service"].pid
        if service is None:
            return False
        found = [one for one in children(service) if "classifier" in one.words]
        mine = [one for one in found if ("engine" in one.words) == (victim == "candidate")]
        if not mine:
            return False
        with suppress(ProcessLookupError):
            os.kill(chance.choice(mine).pid, signal.SIGKILL)
        return True

    def _keep(self, kept: Kept) -> None:
        self.kept[kept.name] = kept
        kept.start()

    def _begin(self, program: str, own: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", program, COMMANDS[program]],
                cwd=ROOT,
                env={**self.programs.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@contextmanager
def world(
    folder: Path, url: str, server: Server | None, trainings: int = 0, /, **settings: str
) -> Iterator[World]:
    """A world over the migrated, empty database at `url`; nothing of it is left running at the end.

    So many `trainings` can be asked for, by `teaching.ask_for_training`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(url)
    watched = Watched(database, folder)
    watched.clock.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    candidate = _fill(watched, trainings)
    generous = {
        "URSA_RATE_PER_SECOND": "100000",
        "URSA_RATE_BURST": "100000",
        # where nobody puts the candidate back (`start`) a machine with other work must not take it off its way
        "URSA_CANDIDATE_SECONDS": "60",
        "URSA_NULL_REPLAY_WINDOWS": "20",
        "OMP_NUM_THREADS": "1",
        # the smallest training
        "URSA_RETRAIN_EPOCHS": "1",
        "URSA_RETRAIN_BATCH_SIZE": "16",
        "URSA_RETRAIN_THREADS": "1",
        "URSA_RETRAIN_DEVICE": "cpu",
    }
    made = World(
        folder, database, server, Programs(folder, url, {**generous, **settings}), _key(database),
        candidate, watched, datetime.now(UTC), int(settings["URSA_WINDOW_PREDICTIONS"]),
    )  # fmt: skip
    try:
        yield made
    finally:
        made.stop()


class PutBack(threading.Thread):
    """Puts the candidate on its way again whenever it was taken off it: a hard limit ends a rollout for good."""

    def __init__(self, url: str, version_id: str) -> None:
        super().__init__(name="put back", daemon=True)
        self._database, self._version_id = Database(url, pool_size=1), version_id
        self._over = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        while not self._over.wait(1.0):
            with suppress(StoreError), self._database.write() as session:
                now = datetime.now(UTC)
                rollouts.open_rollout(session, self._version_id, BENCH, "to run alongside", now)
        self._database.dispose()

    def stop(self) -> None:
        """Leave it where it is."""
        self._over.set()
        self.join()


class Asker(threading.Thread):
    """Asks for a backtest every `seconds` unless one waits already, whether or not the database is there.

    For a training too, whenever the one before has ended, as long as there is something new to learn.
    """

    def __init__(self, world: World, seconds: float, over: threading.Event) -> None:
        super().__init__(name="asker", daemon=True)
        self._world, self._seconds, self._over = world, seconds, over
        self._database = Database(world.database.url, pool_size=1)

    def run(self) -> None:
        """Ask until the end."""
        while not self._over.wait(self._seconds):
            with suppress(StoreError):
                with self._database.read() as session:
                    backtests = jobs.unfinished(session, "backtest")
                    trains = bool(jobs.unfinished(session, "train"))
                if not any(one.status == "todo" for one in backtests):
                    ask_for_backtest(self._database, self._world.candidate)
                if not trains:
                    teaching.ask_for_training(self._database)
        self._database.dispose()


def ask_for_backtest(database: Database, version_id: str) -> None:
    """One job for the retrain program; a worker may be killed in the middle of it many times."""
    with database.write() as session:
        jobs.add(
            session, "backtest", {"model_version_id": version_id}, datetime.now(UTC),
            asked_by="a crash test",
        )  # fmt: skip


def _fill(watched: Watched, trainings: int) -> str:
    """Earlier traffic, golden pictures and a candidate; the candidate's version."""
    bundles, of = watched.folder / "made", dict[str, Any]()
    learned = None
    if trainings:
        learned, of["weights"] = teaching.training_set(watched)
        of["architecture"] = teaching.ARCHITECTURE
        teaching.ask_people(watched, trainings)
    one = toy_bundle(bundles / "one", CLASSES, **of)
    two = toy_bundle(bundles / "two", CLASSES, seed=1, gain=2.5)
    version = watched.promote(one, learned)
    watched.answer(version, opinions(one, 400), segment="web")
    _golden(watched)
    database, now = watched.database, datetime.now(UTC)
    digest = BundleStore(Objects(str(watched.storage)), watched.folder / "cache").keep(two)
    with database.write() as session:
        candidate = models.register(session, NewVersion(digest, 1, list(CLASSES), {}), now)
        rollouts.open_rollout(session, candidate.id, BENCH, "to run alongside", now)
    return candidate.id


def _golden(watched: Watched) -> None:
    """Pictures with right answers that no model has seen, so that a backtest has work to do."""
    kept, now, labels = PictureStore(Objects(str(watched.storage))), datetime.now(UTC), {}
    rows = []
    for seed in range(GOLDEN):
        data = draw(seed % 2, 900_000 + seed)
        digest = kept.keep(data)
        labels[digest] = CLASSES[seed % 2]
        rows.append(NewPicture(digest, "png", len(data), 64, 64))
    with watched.database.write() as session:
        pictures.record(session, rows, "training", now)
        for group, _ in set(pictures.purposes(session, list(labels)).values()):
            pictures.raise_purpose(session, group, "golden", now)
        training_sets.keep_golden(session, labels, now)


def _key(database: Database) -> str:
    key, now = people.new_key(), datetime.now(UTC)
    with database.write() as session:
        consumer = people.add_consumer(session, "a crash test", now)
        people.add_key(session, consumer, key, "operator", now)
    return key
