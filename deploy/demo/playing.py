"""Put the demo on: pictures, a first model, the three programs, and the story in a thread beside them.

The main thread keeps the programs running, as `make run` does; what they say goes to a file. The story speaks to them
from outside. When it is told, or could not be, everything stops, or stays up until Ctrl-C.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.checks import Refused
from deploy.demo import cast, pictures, stages, story
from deploy.demo.camera import Camera
from deploy.demo.cast import Cast
from deploy.demo.choices import Choices
from deploy.demo.pictures import Pictures
from deploy.demo.report import DidNotHappen, Report, wait_for
from deploy.demo.reviewer import Reviewer
from deploy.demo.signed_in import SignedIn
from deploy.demo.story import Story
from deploy.programs import CannotStay, Programs
from deploy.settings import database_url
from deploy.starting import PROCFILE, READY_SECONDS, Home, is_ready, people_and_key, retrain
from deploy.stopping import on_signals
from service.client import Client


@dataclass(frozen=True)
class Folders:
    """Where the caller's pictures are; without `train` sample pictures are drawn."""

    train: Path | None
    shift: Path | None
    ordinary: Path | None


def play(found: Home, folders: Folders, choices: Choices, report: Report, stay: bool) -> None:
    """Tell the whole story; with `stay` the programs go on until a signal. What did not happen is in `report`."""
    found = replace(found, environment={**found.environment, **choices.settings()})
    for line in choices.words():
        report.say(line)
    played = _first_model(found, folders, choices, report)
    people_and_key(found)
    players = cast.register(database_url(found.data), datetime.now(UTC))
    with (found.data / "programs.log").open("w", buffering=1) as log:
        programs = Programs(PROCFILE.read_text(), found.environment, output=log)
        on_signals(lambda *_: programs.ask_to_stop())
        over = threading.Event()

        def tell() -> None:
            try:
                _tell(found, played, players, choices, report)
            except Exception as error:  # noqa: BLE001  # whatever it is, the last line must say so
                report.failed = report.failed or f"{type(error).__name__}: {error}"
            _last_words(found, report, stay)
            over.set()
            if not stay or report.failed:
                programs.ask_to_stop()

        threading.Thread(target=tell, name="story", daemon=True).start()
        try:
            programs.run()
        except CannotStay as error:
            raise Refused(f"{error} They are in {found.data / 'programs.log'}.") from error
        if not over.is_set():
            raise DidNotHappen("It was stopped before the end.")


def _first_model(found: Home, folders: Folders, choices: Choices, report: Report) -> Pictures:
    if folders.train is None or folders.shift is None:
        with report.step("sample pictures are drawn"):
            drawing = found.data / "pictures"
            for command in pictures.drawings(drawing):
                retrain(found, command)
            played = pictures.drawn(drawing)
    else:
        with report.step("pictures are set apart"):
            links = found.data / "train"
            played = pictures.read(folders.train, folders.shift, folders.ordinary, links)
    for name, kind in (("ordinary", played.ordinary), ("shift", played.shift)):
        report.say(
            f"{name}: {len(kind.measured)} held-out pictures to measure on, {len(kind.traffic)} as traffic"
        )
    with report.step("a first model is trained"):
        retrain(found, ["first-model", str(played.train), *choices.network])
    return played


def _tell(found: Home, played: Pictures, players: Cast, choices: Choices, report: Report) -> None:
    url, port = f"http://127.0.0.1:{found.ports['PORT']}", found.ports["PORT"]
    with ExitStack() as stack, report.step("two people let the first model answer"):
        wait_for(lambda: is_ready(port), READY_SECONDS, "the service")
        readers = [
            stack.enter_context(Reviewer(url, one.name, one.password)) for one in players.reviewers
        ]
        operators = [
            stack.enter_context(SignedIn(url, one.name, one.password)) for one in players.operators
        ]
        told = Story(
            operator=stack.enter_context(Client(url, players.operator_key)),
            camera=Camera(url, stack.enter_context(Client(url, players.camera_key))),
            reviewers=(readers[0], readers[1]),
            operators=(operators[0], operators[1]),
            pictures=played,
            choices=choices,
            report=report,
            monitoring_port=found.ports["URSA_MONITORING_METRICS_PORT"],
        )
        story.promote_first(told)
        left = stack.pop_all()
    with left:
        _acts(found, told, report)


def _acts(found: Home, told: Story, report: Report) -> None:
    acts: Sequence[tuple[str, Callable[[Story], None]]] = (
        ("ordinary traffic", story.ordinary_traffic),
        ("the shift arrives, and the alarm", story.shift_arrives),
        ("people label (simulated)", story.people_label),
        ("what the shift costs, on pictures that nobody labels", story.measure_before),
        ("retraining and backtest", story.retrain),
        ("the candidate's questions are answered", stages.prepare),
        ("the candidate's way, on evidence", stages.climb),
        ("the way, as it was written down", lambda one: stages.check(one, _command(found))),
        ("the accuracy is back", story.accuracy_back),
    )
    for name, act in acts:
        with report.step(name):
            act(told)
            report.figures["labels_total"] = told.labels


def _command(found: Home) -> Callable[..., str]:
    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            env=dict(found.environment),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise DidNotHappen(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    return run


def _last_words(found: Home, report: Report, stay: bool) -> None:
    if report.failed:
        print(report.failed, file=sys.stderr, flush=True)
    elif stay:
        print(
            f"\nThe pages are at http://127.0.0.1:{found.ports['PORT']}: sign in as {found.mine.admin_name}, the password is in {found.data / 'local.env'}. Ctrl-C stops everything."
        )
    print(report.last_line(), flush=True)
