"""Keep the programs of a Procfile running until somebody says stop, and print what they say.

A program that ends is started again after a moment, with a sentence: the others go on meanwhile, since none of
them needs another. One that cannot stay up, three short lives in a row, ends the whole. Stopping asks each program
politely, waits, then kills; what a program started itself goes with it. None of this touches a terminal's Ctrl-C:
each program has a session of its own, so that only this one hears it. Should this process be killed, the kernel asks
the programs to end.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TextIO

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from deploy import with_parent


class CannotStay(Exception):
    """A program that ends each time soon after it was started."""


@dataclass(frozen=True)
class Patience:
    """Seconds: the pause before a restart, what counts as a short life, and how long a stop may take."""

    pause: float = 1.0
    short_life: float = 15.0
    stop: float = 15.0
    lives: int = 3


@dataclass
class _Program:
    name: str
    command: list[str]
    colour: str
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    short_lives: int = 0
    due: float | None = 0.0


class Programs:
    """The programs of one Procfile, in one environment. What they say goes to `output`, else to standard output."""

    def __init__(
        self,
        procfile: str,
        environment: Mapping[str, str],
        patience: Patience | None = None,
        output: TextIO | None = None,
    ) -> None:
        commands: dict[str, str] = parse_procfile(procfile).processes
        self._programs = [
            _Program(name, shlex.split(command), colour)
            for (name, command), colour in zip(commands.items(), get_colours(), strict=False)
        ]
        self._environment = dict(environment)
        self._patience = patience or Patience()
        self._printer = Printer(output or sys.stdout, width=max(map(len, commands), default=0))
        # what other threads and signals tell the one thread that acts; its put is safe in both
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stopping = False

    def ask_to_stop(self) -> None:
        """Let `run` return soon. Signals and other threads may call it."""
        self._stopping = True
        self.tell(lambda: None)

    def tell(self, act: Callable[[], None]) -> None:
        """Have `run` call this between two lines that it prints."""
        self._events.put(act)

    def run(self) -> None:
        """Start everything and return when a stop was asked for. Raises CannotStay; either way nothing is left."""
        try:
            while not self._stopping:
                self._start_what_is_due()
                self._next_event(self._until_next_start())
        finally:
            self._stop()

    def _start_what_is_due(self) -> None:
        for program in self._programs:
            if program.due is not None and program.due <= monotonic():
                self._start(program)

    def _until_next_start(self) -> float | None:
        dues = [program.due for program in self._programs if program.due is not None]
        return max(0.0, min(dues) - monotonic()) if dues else None

    def _next_event(self, wait: float | None) -> None:
        with suppress(Empty):
            self._events.get(timeout=wait)()

    def _start(self, program: _Program) -> None:
        program.due, program.started = None, monotonic()
        program.child = launch(
            program.command,
            self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._follow, args=(program, program.child), daemon=True).start()

    def _follow(self, program: _Program, child: subprocess.Popen[bytes]) -> None:
        reader = threading.Thread(target=self._read, args=(program, child), daemon=True)
        reader.start()
        child.wait()
        # whatever it had started itself would be nobody's now
        kill_group(child)
        # its last words; a stranger that it handed its output to is not waited for
        reader.join(timeout=1.0)
        self.tell(partial(self._ended, program, child))

    def _read(self, program: _Program, child: subprocess.Popen[bytes]) -> None:
        if child.stdout is None:
            return
        with child.stdout as lines:
            for line in lines:
                self.tell(partial(self._print, line, program))

    def _ended(self, program: _Program, child: subprocess.Popen[bytes]) -> None:
        program.child = None
        if self._stopping:
            return
        lived = monotonic() - program.started
        program.short_lives = program.short_lives + 1 if lived < self._patience.short_life else 0
        how = f"{program.name} ended by itself ({_how(child.returncode)})"
        if program.short_lives >= self._patience.lives:
            raise CannotStay(f"{how} soon after each start: its last lines above say why.")
        program.due = monotonic() + self._patience.pause
        self._print(f"{how}; it is started again.")

    def _stop(self) -> None:
        self._stopping = True
        for program in self._programs:
            if program.child is not None:
                # only the program itself: it knows best how to end what it has started
                with suppress(ProcessLookupError):
                    program.child.terminate()
        deadline = monotonic() + self._patience.stop
        while any(program.child for program in self._programs):
            # whatever still fails now, the end comes first
            with suppress(CannotStay, OSError):
                self._next_event(max(0.0, deadline - monotonic()))
            if monotonic() >= deadline:
                self._kill()
                deadline += self._patience.stop

    def _kill(self) -> None:
        for program in self._programs:
            if program.child is not None:
                self._print(f"{program.name} does not stop; it is killed.")
                kill_group(program.child)

    def _print(self, line: bytes | str, program: _Program | None = None) -> None:
        name, colour = (program.name, program.colour) if program else ("ursa", None)
        try:
            self._printer.write(Message("line", line, datetime.now().astimezone(), name, colour))
        except OSError:
            # nobody reads any more: the terminal was closed, or the pipe's other end
            self._stopping = True


def launch(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdout: int | None = None,
    stderr: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, where no Ctrl-C reaches it, and which ends when this process dies.

    To be called by a thread that stays: the kernel takes the thread's end for the parent's.
    """
    return subprocess.Popen(
        # isolated: its own folder must not hide modules that it imports
        [sys.executable, "-I", with_parent.__file__, str(os.getpid()), *command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a program that was started in a session of its own, and of what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
