"""`python -m deploy.demo`: the whole story with real programs, from a first model to accuracy that came back.

Order: flags, a new data folder as `make run` would have it, then `deploy.demo.playing`. The last line on standard
output is one JSON object. Exit code 0 only if every step happened; else one sentence says which did not.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from deploy.checks import Refused
from deploy.demo.choices import Choices
from deploy.demo.playing import Folders, play
from deploy.demo.report import DidNotHappen, Report
from deploy.starting import home
from deploy.stopping import on_signals

# drawn pictures ask for less than photographs
SAMPLE_NETWORK = {
    "--size": "72",
    "--architecture": "resnet10t",
    "--batch-size": "16",
    "--scratch": "",
}


class _Stop(BaseException):
    """Somebody asked for the end before the programs had begun."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    given = build_parser().parse_args(arguments)
    if (given.train is None) != (given.shift is None) or (given.ordinary and not given.train):
        print("--train and --shift come together, and --ordinary with them.", file=sys.stderr)
        return 1
    on_signals(_stop)
    report = Report()
    data = given.data.absolute() / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        with home(data, given.port) as found:
            print(f"The demo's Ursa lives in {data}.", flush=True)
            folders = Folders(given.train, given.shift, given.ordinary)
            play(found, folders, _choices(given), report, stay=not given.exit)
    except (Refused, DidNotHappen, _Stop) as error:
        report.failed = report.failed or str(error) or "It was stopped."
        print(report.failed, file=sys.stderr, flush=True)
        print(report.last_line(), flush=True)
    return 1 if report.failed else 0


def build_parser() -> argparse.ArgumentParser:
    """Every flag."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument(
        "--train",
        type=Path,
        help="a folder of pictures for each class; without it sample pictures are drawn",
    )
    parser.add_argument("--shift", type=Path, help="the same classes as the world shows them later")
    parser.add_argument(
        "--ordinary",
        type=Path,
        help="ordinary pictures to send; without it a quarter of --train is held out",
    )
    parser.add_argument(
        "--size",
        type=int,
        help="side of the network's picture in pixels (96, of sample pictures 72)",
    )
    parser.add_argument(
        "--architecture",
        help="a name of torchvision or timm (resnet18, of sample pictures resnet10t)",
    )
    parser.add_argument("--epochs", type=int, default=30, help="of the first model (30)")
    parser.add_argument(
        "--retrain-epochs", type=int, help="of the retraining (24, of sample pictures 14)"
    )
    parser.add_argument(
        "--margin",
        type=float,
        help="by how much the candidate may be worse and still advance (0.05, of sample pictures 0.1)",
    )
    parser.add_argument(
        "--port", default="8000", help="of the service; the next two are for metrics"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("data/demo"),
        help="each run has a folder of its own in it (data/demo)",
    )
    parser.add_argument("--exit", action="store_true", help="stop everything at the end")
    return parser


def _choices(given: argparse.Namespace) -> Choices:
    sample = given.train is None
    network = dict(SAMPLE_NETWORK if sample else {})
    for name in ("size", "epochs", "architecture"):
        if (said := getattr(given, name)) is not None:
            network[f"--{name}"] = str(said)
    return Choices(
        network=tuple(word for pair in network.items() for word in pair if word),
        retrain_epochs=given.retrain_epochs or (14 if sample else 24),
        batch_size=int(network.get("--batch-size", "32")),
        # minutes count here: fewer epochs, and each moves further and shows the new pictures twice
        rate=5e-3 if sample else 1e-3,
        repeats=2 if sample else 1,
        # few sample pictures come: a wider margin is what they can show
        margin=given.margin or (0.1 if sample else 0.05),
        labels_before=640 if sample else 480,
        labels=1000 if sample else 700,
        back=1 / 2 if sample else 2 / 3,
    )


def _stop(*_: object) -> None:
    raise _Stop


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    sys.exit(main())
