"""The loop on real pictures, in real processes over HTTP: `make bench-loop`.

Order: first model from photographs, three programs, held-out photographs and sketches posted, the sketches labelled
through the review page's own routes with their folders' names (a simulated reviewer: nobody looked), retraining,
backtest, promotion, and other sketches and the photographs posted again. Prints a table, then one JSON object.

Held out are photographs of the golden set, which the database keeps out of every training set, and sketches that
were never labelled. Accuracies are of the model's own answers.
"""

import argparse
import hashlib
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.demo.camera import Camera, Tally
from deploy.demo.pictures import Sample, shuffled
from deploy.demo.reviewer import Reviewer
from service.client import Client
from store import migrate, predictions, training_sets
from store.database import Database
from tests.journeys.programs import ROOT, Programs, programs

REAL = ROOT.parent / "shared" / "data" / "pacs"
PASSWORD = secrets.token_urlsafe(12)
TRAINING_MINUTES = 60


@dataclass
class Story:
    """The programs, what was measured, and how long each step took."""

    three: Programs
    key: str
    consumer: Client
    camera: Camera
    minutes: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, do: Callable[[], Any]) -> Any:
        """Do it, and say how long it took."""
        started = time.monotonic()
        done = do()
        self.minutes[name] = round((time.monotonic() - started) / 60, 2)
        print(f"{name:<34} {self.minutes[name]:6.2f} min", flush=True)
        return done

    def version(self, number: int) -> dict[str, Any] | None:
        """A version that has been backtested."""
        models = self.consumer.models()
        return next((one for one in models if one["number"] == number and one["backtest"]), None)

    def answers(self, sample: Sample, number: int) -> bool:
        """Whether version `number` answers already."""
        told = self.consumer.predict(sample.path.read_bytes())
        self.camera.ids.append(told.id)
        return told.model_version == number


def main() -> int:
    """The exit code; the last line is one JSON object."""
    parser = argparse.ArgumentParser(prog="make bench-loop", description=__doc__)
    parser.add_argument("--pictures", type=Path, default=REAL, help="holds photo/ and sketch/")
    parser.add_argument(
        "--sketches", type=int, default=300, help="how many are posted and labelled"
    )
    parser.add_argument(
        "--unseen", type=int, default=300, help="how many others are only asked about"
    )
    parser.add_argument("first_model", nargs="*", help="flags for first-model, after --")
    options = parser.parse_args()
    if not (options.pictures / "photo").is_dir():
        print(f"There are no pictures in {options.pictures}.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ursa-loop-") as name:
        folder = Path(name)
        settings = {"URSA_RATE_PER_SECOND": "1000", "URSA_RATE_BURST": "1000"}
        with programs(folder, f"sqlite:///{folder}/ursa.db", **settings) as three:
            migrate.upgrade(three.database_url)
            print(json.dumps(measure(three, options)))
    return 0


def measure(three: Programs, options: argparse.Namespace) -> dict[str, Any]:
    """Play the loop and return every figure."""
    sketches = shuffled(options.pictures / "sketch")
    labelled, unseen = sketches[: options.sketches], sketches[options.sketches :][: options.unseen]
    with _first_model(three, options) as (story, photos):
        post = story.camera.post
        before = {
            "photographs": story.step("post photographs", lambda: post(photos)),
            "sketches to label": story.step("post sketches", lambda: post(labelled)),
        }
        truth = dict(story.camera.truth)
        before["unseen sketches"] = story.step("post unseen sketches", lambda: post(unseen))
        with Reviewer(three.url, "rosa", PASSWORD) as rosa:
            given = story.step("label (simulated reviewer)", lambda: rosa.label_all(truth.get))
        story.consumer.retrain()
        second = story.step(
            "retrain and backtest",
            lambda: three.wait_for(lambda: story.version(2), TRAINING_MINUTES * 60, "version 2"),
        )
        three.promote(2, f"backtest: {second['backtest']['verdict']}", story.key)
        three.wait_for(lambda: story.answers(photos[0], 2), 10, "version 2 to answer")
        after = {
            "photographs": story.step("post photographs again", lambda: post(photos)),
            "unseen sketches": story.step("post unseen sketches again", lambda: post(unseen)),
        }
    for program in list(three.running):
        three.stop(program)
    _table("version 1", before)
    _table("version 2", after)
    return {
        "photographs_before": before["photographs"].accuracy,
        "photographs_after": after["photographs"].accuracy,
        "sketches_before": before["unseen sketches"].accuracy,
        "sketches_after": after["unseen sketches"].accuracy,
        "flagged_before": {name: tally.flagged for name, tally in before.items()},
        "flagged_after": {name: tally.flagged for name, tally in after.items()},
        "sent": {name: tally.sent for name, tally in before.items()},
        "labels": given.labels,
        "left_unlabelled": given.skipped,
        "backtest": second["backtest"],
        "answers": len(story.camera.ids),
        "rows": _rows(three, story.camera.ids),
        "minutes": story.minutes,
    }


@contextmanager
def _first_model(
    three: Programs, options: argparse.Namespace
) -> Iterator[tuple[Story, list[Sample]]]:
    photo = options.pictures / "photo"
    flags = [str(photo), *options.first_model]
    started = time.monotonic()
    print(three.command("retrain", "first-model", *flags)[-3000:])
    trained = round((time.monotonic() - started) / 60, 2)
    why = ("--reason", "a test")
    person = ("person", "add", "rosa", "--role", "reviewer", "--simulated")
    three.command("service", *person, *why, feed=PASSWORD)
    key = three.command("service", "key", "add", "bench", "--role", "operator", *why).strip()
    for program in ("service", "monitoring", "retrain"):
        three.start(program)
    golden = _golden(three)
    photos = [
        one
        for one in shuffled(photo)
        if hashlib.sha256(one.path.read_bytes()).hexdigest() in golden
    ]
    with Client(three.url, key) as consumer:
        story = Story(three, key, consumer, Camera(three.url, consumer), {"first model": trained})
        three.promote(1, "the first model", key)
        three.wait_for(lambda: story.answers(photos[0], 1), 10, "version 1 to answer")
        yield story, photos


def _golden(three: Programs) -> set[str]:
    database = Database(three.database_url)
    try:
        with database.read() as session:
            return set(training_sets.golden(session))
    finally:
        database.dispose()


def _rows(three: Programs, ids: list[str]) -> int:
    database = Database(three.database_url)
    try:
        with database.read() as session:
            assert all(predictions.get(session, one) for one in ids)
            return predictions.count(session)
    finally:
        database.dispose()


def _table(title: str, tallies: dict[str, Tally]) -> None:
    print(f"\n{title:<22}{'sent':>8}{'right':>8}{'accuracy':>10}{'flagged':>9}")
    for name, tally in tallies.items():
        print(
            f"{name:<22}{tally.sent:>8}{tally.right:>8}{tally.accuracy or 0:>10.3f}{tally.flagged:>9}"
        )


if __name__ == "__main__":
    sys.exit(main())
