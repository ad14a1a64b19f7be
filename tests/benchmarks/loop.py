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
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from store import migrate, predictions, training_sets
from store.database import Database
from tests.journeys.programs import ROOT, Programs, programs
from tests.journeys.reviewer import Reviewer

REAL = ROOT.parent / "shared" / "data" / "pacs"
PASSWORD = secrets.token_urlsafe(12)
TRAINING_MINUTES = 60


@dataclass(frozen=True)
class Sample:
    """A picture of the folder: its bytes and its true class."""

    data: bytes
    label: str


@dataclass
class Tally:
    """What came back for a set of pictures."""

    sent: int = 0
    right: int = 0
    flagged: int = 0

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return round(self.right / self.sent, 4)


@dataclass
class Story:
    """The programs, what was measured, and how long each step took."""

    three: Programs
    consumer: httpx.Client
    ids: list[str] = field(default_factory=list)
    minutes: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, do: Callable[[], Any]) -> Any:
        """Do it, and say how long it took."""
        started = time.monotonic()
        done = do()
        self.minutes[name] = round((time.monotonic() - started) / 60, 2)
        print(f"{name:<34} {self.minutes[name]:6.2f} min", flush=True)
        return done

    def post(self, samples: list[Sample]) -> Tally:
        """Post every picture; each must be acknowledged."""
        tally = Tally()
        for sample in samples:
            answer = self.consumer.post(
                "/v1/predictions", files={"image": ("picture", sample.data)}
            )
            answer.raise_for_status()
            told = answer.json()
            self.ids.append(told["id"])
            tally.sent += 1
            tally.right += told["label"] == sample.label
            tally.flagged += not told["domain"]["inside"]
        return tally

    def act(self, path: str, body: dict[str, str] | None = None) -> None:
        """An operator's call."""
        self.consumer.post(path, json=body).raise_for_status()

    def version(self, number: int) -> dict[str, Any] | None:
        """A version that has been backtested."""
        models = self.consumer.get("/v1/models").json()["models"]
        return next((one for one in models if one["number"] == number and one["backtest"]), None)

    def answers(self, sample: Sample, number: int) -> bool:
        """Whether version `number` answers already."""
        answer = self.consumer.post(
            "/v1/predictions", files={"image": ("picture", sample.data)}
        ).json()
        self.ids.append(answer["id"])
        return bool(answer["model_version"] == number)


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
    sketches = _samples(options.pictures / "sketch")
    random.Random(1).shuffle(sketches)  # noqa: S311  # a split that can be repeated, not a secret
    labelled, unseen = sketches[: options.sketches], sketches[options.sketches :][: options.unseen]
    truth = {hashlib.sha256(one.data).hexdigest(): one.label for one in labelled}
    with httpx.Client(base_url=three.url, timeout=60) as consumer:
        story = Story(three, consumer)
        photos = _first_model(story, options)
        truth |= {hashlib.sha256(one.data).hexdigest(): one.label for one in photos}
        before = {
            "photographs": story.step("post photographs", lambda: story.post(photos)),
            "sketches to label": story.step("post sketches", lambda: story.post(labelled)),
            "unseen sketches": story.step("post unseen sketches", lambda: story.post(unseen)),
        }
        with Reviewer(three.url, "rosa", PASSWORD) as rosa:
            given = story.step("label (simulated reviewer)", lambda: rosa.label_all(truth.get))
        story.act("/v1/retrain")
        second = story.step(
            "retrain and backtest",
            lambda: three.wait_for(lambda: story.version(2), TRAINING_MINUTES * 60, "version 2"),
        )
        three.promote(2, f"backtest: {second['backtest']['verdict']}", story.consumer)
        three.wait_for(lambda: story.answers(photos[0], 2), 10, "version 2 to answer")
        after = {
            "photographs": story.step("post photographs again", lambda: story.post(photos)),
            "unseen sketches": story.step("post unseen sketches again", lambda: story.post(unseen)),
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
        "answers": len(story.ids),
        "rows": _rows(three, story.ids),
        "minutes": story.minutes,
    }


def _first_model(story: Story, options: argparse.Namespace) -> list[Sample]:
    three, photo = story.three, options.pictures / "photo"
    flags = [str(photo), *options.first_model]
    print(
        story.step("first model", lambda: three.command("retrain", "first-model", *flags))[-3000:]
    )
    three.command(
        "service", "person", "add", "rosa", "--role", "reviewer", "--simulated", feed=PASSWORD
    )
    key = three.command("service", "key", "add", "bench", "--role", "operator").strip()
    story.consumer.headers["Authorization"] = f"Bearer {key}"
    for program in ("service", "monitoring", "retrain"):
        three.start(program)
    three.promote(1, "the first model", story.consumer)
    golden = _golden(three)
    photos = [one for one in _samples(photo) if hashlib.sha256(one.data).hexdigest() in golden]
    three.wait_for(lambda: story.answers(photos[0], 1), 10, "version 1 to answer")
    return photos


def _samples(folder: Path) -> list[Sample]:
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    return [Sample(path.read_bytes(), path.parent.name) for path in paths]


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
        print(f"{name:<22}{tally.sent:>8}{tally.right:>8}{tally.accuracy:>10.3f}{tally.flagged:>9}")


if __name__ == "__main__":
    sys.exit(main())
