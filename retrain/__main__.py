"""The commands of the retrain program: `python -m retrain COMMAND`. Each ends with one clear sentence and a code.

0 when done, 1 with a sentence when it cannot be, 130 when it was stopped from outside.
"""

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from classifier.bundle import BundleError
from classifier.classifier import Classifier
from retrain import first_model, samples, worker
from retrain.first_model import Options
from retrain.program import open_program
from retrain.progress import Bar
from retrain.scoring import in_words
from retrain.settings import DEVICES, read_settings
from store import logs, migrate
from store.database import Database
from store.errors import Invalid, StoreError

# of the processor, for what trains: least of all, as a candidate's network is
NICE = 19
# at a database that is away when the worker starts
LOOK_SECONDS = 1.0
DESCRIPTION = "Train classifiers from folders and from what people have labelled."


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    # the libraries warn of their own plans, which nobody who trains can do anything about
    warnings.simplefilter("ignore")
    options = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (StoreError, BundleError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing was registered.", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(prog="python -m retrain", description=DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drawing = commands.add_parser("samples", help="draw sample pictures of three kinds of bears")
    samples.add_arguments(drawing)
    drawing.set_defaults(run=samples.run)
    _add_first_model(commands.add_parser("first-model", help="train a first model from a folder"))
    working = commands.add_parser("work", help="retrain when asked, until stopped")
    working.set_defaults(run=_work)
    checking = commands.add_parser(
        "bundle-check", help="whether a bundle would be allowed to answer"
    )
    checking.add_argument("folder", type=Path)
    checking.set_defaults(run=_bundle_check)
    return parser


def _add_first_model(parser: argparse.ArgumentParser) -> None:
    """Flags that are not given are left to `Options`, or to `SAMPLE`."""
    usual, sample = vars(Options()), vars(first_model.SAMPLE)

    def flag(name: str, what: str, **more: Any) -> None:
        field = name.replace("-", "_")
        default = f"{usual[field]}"
        if sample[field] != usual[field]:
            default += f", with --sample {sample[field]}"
        parser.add_argument(f"--{name}", help=f"{what} ({default})", **more)

    parser.add_argument("folder", type=Path, help="it holds a folder of pictures for each class")
    flag("size", "side of the network's picture in pixels", type=int)
    flag("epochs", "times to look at every picture", type=int)
    flag("architecture", "a name of torchvision or timm")
    flag("batch-size", "pictures in one step", type=int)
    flag("seed", "the same seed trains the same model", type=int)
    flag("device", "auto is a GPU if there is one", choices=DEVICES)
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path, help="a folder with pretrained weights")
    weights.add_argument(
        "--scratch", action="store_const", const=True, help="do not look for pretrained weights"
    )
    parser.add_argument(
        "--sample", action="store_true", help="let it answer at once, for trying Ursa out"
    )
    parser.set_defaults(run=_first_model)


def _options(arguments: argparse.Namespace) -> Options:
    said = {one.name: getattr(arguments, one.name) for one in fields(Options)}
    given = {name: value for name, value in said.items() if value is not None}
    for name in ("size", "epochs", "batch_size"):
        if given.get(name, 1) < 1:
            raise Invalid(f"--{name.replace('_', '-')} must be above 0.")
    return replace(first_model.SAMPLE if arguments.sample else Options(), **given)


def _first_model(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    bar = Bar(monotonic)
    options = _options(arguments)
    settings = read_settings()
    # a first model may be the first thing that a new database sees
    migrate.begin(settings.store.database_url)
    with open_program(settings, _now) as program:
        try:
            made = first_model.first_model(program, arguments.folder, options, bar)
        finally:
            bar.close()
    for one in made.folder.left_out:
        print(f"left out  {one.path}: {one.reason}")
    print(_summary(made))
    return 0


def _summary(made: first_model.FirstModel) -> str:
    version = made.version
    stage = {
        None: "waits, since another candidate is on its way",
        "manual": "is in `manual`: people answer and it runs along, until somebody promotes it",
        "full": "answers, for trying out",
    }[made.stage]
    return (
        f"Version {version.number}: {', '.join(version.classes)}."
        f" Right on unseen pictures: {in_words(version.card['unseen'])}. It {stage}."
    )


def _work(_: argparse.Namespace) -> int:
    logs.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # where it shares a machine with those that answer, they go first: it takes all cores for minutes
    os.nice(NICE)
    settings = read_settings()
    database = Database(settings.store.database_url)
    try:
        is_there = migrate.wait_for(database, lambda: not stop.wait(LOOK_SECONDS))
    finally:
        database.dispose()
    if is_there:
        with open_program(settings, _now) as program:
            worker.work(program, stop)
    return 0


def _bundle_check(arguments: argparse.Namespace) -> int:
    loaded = Classifier.load(arguments.folder)
    print(
        f"Good: {loaded.bundle.architecture}, {', '.join(loaded.classes)};"
        f" {len(loaded.bundle.samples)} samples answered as they were. {loaded.digest}"
    )
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    sys.exit(main())
