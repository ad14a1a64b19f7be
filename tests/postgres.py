"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by a Unix socket, gone at the end.

It listens on no port unless asked to, so that it never meets a server that is already there. It can be stopped,
killed, paused and started again: what a database does to those who use it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

# nothing here outlives the run: what makes a server safe against power cuts only costs time
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_START_SECONDS = 60.0


def programs() -> Path | None:
    """The folder that holds initdb and postgres, or None where PostgreSQL's server is not installed."""
    folders = [Path(found).resolve().parent for found in (shutil.which("initdb"),) if found]
    pg_config = shutil.which("pg_config")
    if pg_config:
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        folders.append(Path(asked.stdout.strip()))
    folders.extend(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


class Server:
    """One server in one folder. `settings` as in postgresql.conf; with `port` it listens on loopback too."""

    def __init__(
        self, bin_folder: Path, folder: Path, settings: Sequence[str] = (), port: int | None = None
    ) -> None:
        self._bin, self._folder, self.port = bin_folder, folder, port
        listening = "127.0.0.1" if port else ""
        self._settings = [f"listen_addresses={listening}", "max_connections=200", *settings]
        # the server refuses to run as root
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._paused: list[int] = []

    @property
    def url(self) -> str:
        """Of its database `postgres`, as SQLAlchemy writes it."""
        return (
            f"postgresql+psycopg://postgres@/postgres?host={self._folder}&port={self.port or 5432}"
        )

    @property
    def plain_url(self) -> str:
        """As PostgreSQL's own programs write it."""
        return self.url.replace("+psycopg", "")

    @property
    def alive(self) -> bool:
        """Whether the process that takes connections runs."""
        return self._process is not None and self._process.poll() is None

    def make(self) -> None:
        """Write the empty cluster."""
        if self._user:
            shutil.chown(self._folder, self._user)
        words = ["-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        done = subprocess.run(
            [self._bin / "initdb", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self._as_whom(),  # type: ignore[call-overload]  # three keywords by name
        )
        if done.returncode:
            raise RuntimeError(done.stdout)

    def start(self) -> None:
        """Return when it takes connections. Raises RuntimeError with its log when it ends instead."""
        options = [word for one in self._settings for word in ("-c", one)]
        port = ["-p", str(self.port)] if self.port else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, "-k", self._folder, *port, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._as_whom(),  # type: ignore[call-overload]  # three keywords by name
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._takes_connections():
            if not self.alive or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text(errors="replace")[-4000:])
            time.sleep(0.02)

    def start_again(self) -> subprocess.Popen[bytes]:
        """Its process, started when it does not run. Raises RuntimeError while it cannot be."""
        if self._process is None or not self.alive:
            self.start()
        assert self._process is not None
        return self._process

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts its connections, SIGQUIT leaves its crash to be recovered from, SIGKILL all at once."""
        if self._process is not None:
            self.resume()
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait()

    def become_standby(self) -> None:
        """Only read from the next start on, of nobody's writes, until it is promoted."""
        told = Path(self._data) / "standby.signal"
        told.touch()
        if self._user:
            shutil.chown(told, self._user)

    def processes(self) -> list[int]:
        """The process that takes connections, then every one it has started."""
        return family(self._process.pid) if self._process is not None and self.alive else []

    def pause(self) -> None:
        """Let nothing of it run until `resume`: it is there, takes connections into its queue, and does not answer."""
        self._paused = self.processes()
        for pid in self._paused:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for pid in reversed(self._paused):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._paused = []

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _as_whom(self) -> dict[str, object]:
        groups: list[str] | None = [] if self._user else None
        return {
            "user": self._user,
            "group": self._user,
            "extra_groups": groups,
            "cwd": self._folder,
        }

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(self.plain_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def server(
    bin_folder: Path, settings: Sequence[str] = THROW_AWAY, port: int | None = None
) -> Iterator[str]:
    """Start a server and yield the URL of its database `postgres`, as SQLAlchemy writes it."""
    with own_server(bin_folder, settings, port) as started:
        yield started.url


@contextmanager
def own_server(
    bin_folder: Path,
    settings: Sequence[str] = THROW_AWAY,
    port: int | None = None,
    parent: Path | None = None,
) -> Iterator[Server]:
    """Start a server that may be stopped, killed and paused; it is gone at the end, whatever was done to it.

    All its files lie in a folder of its own in `parent`, whose path is short: a Unix socket's holds about 100 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="ursa-pg-", dir=parent))
    made = Server(bin_folder, folder, settings, port)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def family(pid: int) -> list[int]:
    """A process and all that come from it."""
    found = [pid]
    parents = {one: _parent(one) for one in _pids()}
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def _pids() -> list[int]:
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def _parent(pid: int) -> int:
    try:
        # the name may hold spaces and brackets; what follows the last bracket does not
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0  # it has ended meanwhile
