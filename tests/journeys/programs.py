"""The three programs as real processes on loopback, for journeys and measurements.

Everything lives in one folder of the caller's; each program writes its log there. What is started here is stopped
here, by its own process id, and nothing else is touched.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from service.client import Client, Refused
from tests.store.rolling import PLAN

Found = TypeVar("Found")

ROOT = Path(__file__).parent.parent.parent
COMMANDS = {"service": "serve", "monitoring": "work", "retrain": "work"}


@dataclass
class Programs:
    """A database, a storage folder and the programs that use them."""

    folder: Path
    database_url: str
    settings: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            "PATH": os.environ["PATH"],  # noqa: TID251  # what a started program needs of this one's
            "HOME": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            "URSA_DATABASE_URL": self.database_url,
            "URSA_STORAGE_URL": str(self.folder / "storage"),
            "URSA_SECRET_KEY": secrets.token_hex(32),
            "URSA_PORT": str(self.port),
            "URSA_BUNDLE_CACHE": str(self.folder / "bundles"),
            **self.settings,
        }

    def command(self, *words: str, feed: str | None = None) -> str:
        """Run `python -m WORDS` to its end; what it printed. Fails loudly."""
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=self.environ,
            input=feed,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AssertionError(
                f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def promote(self, number: int, reason: str, key: str) -> None:
        """Answer the questions and let two hands confirm: the operator's key, and who types at the machine."""
        with Client(self.url, key) as operator:
            operator.preflight(number, **PLAN)

            def confirmed() -> bool:
                # monitoring may not have been heard of yet
                with suppress(Refused):
                    return bool(operator.promote(number, reason, although_held=True).confirmed_by)
                return False

            self.wait_for(confirmed, 30, "monitoring to be heard")
        said = ("--version", str(number), "--reason", reason, "--although-held")
        self.command("service", "promote", *said)

    def start(self, program: str) -> None:
        """Start one program; the service is ready when this returns."""
        with (self.folder / f"{program}.log").open("ab") as log:
            self.running[program] = subprocess.Popen(
                [sys.executable, "-m", program, COMMANDS[program]],
                cwd=ROOT,
                # what a server of PostgreSQL calls its connections
                env={**self.environ, "PGAPPNAME": program},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if program == "service":
            self.wait_for(self._ready, 60, "the service to be ready")

    def stop(self, program: str, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop one program and return its exit code."""
        process = self.running.pop(program)
        process.send_signal(how)
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def wait_for(self, look: Callable[[], Found | None], seconds: float, what: str) -> Found:
        """Look until there is something, or fail: the programs are other processes and tell nobody."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            for program, process in self.running.items():
                if process.poll() is not None:
                    raise AssertionError(
                        f"{program} ended with {process.returncode}:\n{self.log(program)}"
                    )
            time.sleep(0.1)
        logs = "\n".join(f"--- {program}\n{self.log(program)}" for program in self.running)
        raise AssertionError(f"waited {seconds:.0f} s for {what}\n{logs}")

    def log(self, program: str) -> str:
        """The end of what a program wrote."""
        return (self.folder / f"{program}.log").read_text(errors="replace")[-4000:]

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def programs(folder: Path, database_url: str, **settings: str) -> Iterator[Programs]:
    """Programs that are stopped at the end, whatever happened."""
    made = Programs(folder, database_url, settings)
    try:
        yield made
    finally:
        for process in made.running.values():
            process.terminate()
        for process in made.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
