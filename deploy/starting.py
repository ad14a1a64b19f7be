"""The steps of `make run`, in order. Each leaves alone what an earlier run has made."""

import http.client
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy import checks, local
from deploy.checks import Refused
from deploy.programs import CannotStay, Programs, kill_group, launch
from deploy.settings import database_url, environment_for, read_ports
from deploy.stopping import deferred, on_signals
from store import command_line, letting_in, migrate, models, people
from store.database import Database
from store.errors import Conflict, StoreError

READY_SECONDS = 120.0
PROCFILE = Path(__file__).parent / "Procfile"
FIRST_START = "the first start of this folder by `make run`"


@dataclass(frozen=True)
class Home:
    """A data folder (absolute) with a migrated database; ports by what chose each, this machine's secrets, and the
    environment of the programs.
    """

    data: Path
    ports: Mapping[str, int]
    mine: local.Local
    environment: Mapping[str, str]


def start(data: Path, port: str, per_class: int) -> None:
    """Run Ursa from the folder `data` (absolute) on 127.0.0.1 until a signal ends it. Raises Refused."""
    with home(data, port) as found:
        database = Database(database_url(data))
        _first_model(database, found, per_class)
        database.dispose()
        people_and_key(found)
        _serve(found)


@contextmanager
def home(data: Path, port: str) -> Iterator[Home]:
    """The folder `data` (absolute), ready for the programs and nobody else's until the end. Raises Refused."""
    ports = read_ports(port)
    checks.folder(data)
    with checks.only_one(data):
        checks.ports(ports)
        checks.database(data / "ursa.db")
        mine = local.read_or_make(data / "local.env", people.new_key())
        environment = environment_for(data, mine.ursa_secret_key, ports)
        try:
            migrate.upgrade(database_url(data))
            yield Home(data, ports, mine, environment)
        except StoreError as error:
            raise Refused(str(error)) from error


def _first_model(database: Database, found: Home, per_class: int) -> None:
    samples = found.data / "samples"
    with database.read() as session:
        is_there = bool(models.newest_first(session, limit=1))
    if is_there and samples.exists():
        return
    print("Drawing sample pictures of three kinds of bears ...", flush=True)
    drawing = ["samples", str(samples), "--per-class", str(per_class), "--seed", "1"]
    retrain(found, drawing)
    if not is_there:
        print("Training the first model from them; this takes some minutes, once ...", flush=True)
        retrain(found, ["first-model", str(samples), "--sample"])


def retrain(found: Home, arguments: list[str]) -> None:
    """Run `python -m retrain ARGUMENTS` to its end; it ends with this process. Raises Refused when it fails."""
    child: subprocess.Popen[bytes] | None = None
    try:
        # a stop between the start of the program and its name being known would leave it running
        with deferred():
            # a session of its own: Ctrl-C reaches this process alone, which then ends the step in order
            child = launch(["python", "-m", "retrain", *arguments], found.environment)
        if child.wait() == 0:
            return
    except BaseException:
        if child is not None:
            _end(child)
        raise
    checks.room(found.data)
    raise Refused(
        f"`python -m retrain {arguments[0]}` failed (see above); `make run` takes it up again."
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=10)
    kill_group(child)
    child.wait()


def people_and_key(found: Home) -> None:
    """The sign-ins and the key of local.env, unless they are there."""
    now, mine, actor = datetime.now(UTC), found.mine, command_line.actor()
    database = Database(database_url(found.data))
    with database.write() as session:
        known = {person.name for person in people.people(session)}
        for name, password, role in (
            (mine.admin_name, mine.admin_password, "admin"),
            # some reviews want a second pair of eyes
            (mine.reviewer_name, mine.reviewer_password, "reviewer"),
        ):
            if name not in known:
                letting_in.person(session, name, password, role, actor, FIRST_START, now)
    # a key that is there is left alone, a revoked one too
    with suppress(Conflict), database.write() as session:
        letting_in.key(session, "local", mine.api_key, "consumer", actor, FIRST_START, now)
    database.dispose()


def _serve(found: Home) -> None:
    programs = Programs(PROCFILE.read_text(), found.environment)
    on_signals(lambda *_: programs.ask_to_stop())
    greeting = _greeting(found.data, found.ports, found.mine)
    greeter = threading.Thread(
        target=_greet, args=(programs, found.ports["PORT"], greeting), daemon=True
    )
    greeter.start()
    try:
        programs.run()
    except CannotStay as error:
        raise Refused(str(error)) from error


def _greet(programs: Programs, port: int, greeting: str) -> None:
    def not_ready() -> None:
        raise CannotStay("The service is not ready after two minutes: its last lines say why.")

    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(port):
        if time.monotonic() > deadline:
            programs.tell(not_ready)
            return
        time.sleep(0.2)
    programs.tell(lambda: print(greeting, flush=True))


def is_ready(port: int) -> bool:
    """Whether a service on this machine answers there and has all it needs."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _greeting(data: Path, ports: Mapping[str, int], mine: local.Local) -> str:
    address, *others = [f"http://127.0.0.1:{number}" for number in ports.values() if number]
    pictures = sorted(path for path in (data / "samples").rglob("*") if path.is_file())
    picture = next(iter(pictures), data / "picture.jpg")
    call = shlex.join(
        [
            *("curl", "-sS", "-H", f"Authorization: Bearer {mine.api_key}"),
            # in quotes, since curl reads commas and semicolons in a bare name as its own
            *("-F", f'image=@"{picture}"', f"{address}/v1/predictions"),
        ]
    )
    return (
        f"\nUrsa is at {address}\n"
        f"Sign in as {mine.admin_name} or {mine.reviewer_name}; the passwords are in {data / 'local.env'}\n"
        f"Metrics: {', '.join(f'{one}/metrics' for one in (address, *others))}\n"
        f"Ask about a picture, from any terminal:\n\n{call}\n\nCtrl-C stops everything.\n"
    )
