"""The system calls of a running process, in the order in which the kernel saw them begin and end (strace)."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import lacking

_LOOKED_AT = (
    "write,pwrite64,writev,sendto,sendmsg,recvfrom,recvmsg,read,"
    "fsync,fdatasync,rename,renameat,renameat2"
)
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (-?\d+).*)$")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")


@dataclass
class Call:
    """One call of one thread; `begun` and `ended` are places in one order. What was read stands in `words` too."""

    thread: str
    name: str
    words: str
    begun: int
    ended: int | None = None
    result: int | None = None


@dataclass
class Trace:
    """Filled when the block of `traced` has ended."""

    calls: list[Call] = field(default_factory=list)

    def first(self, names: str, *patterns: str, after: int = -1, thread: str | None = None) -> Call:
        """The first call with one of these names, begun after a place, whose words match all of the patterns."""
        for call in self.calls:
            if (
                call.name in names.split()
                and call.begun > after
                and thread in (None, call.thread)
                and all(re.search(pattern, call.words) for pattern in patterns)
            ):
                return call
        raise AssertionError(f"no {names} with {patterns} after {after}")


@contextmanager
def traced(pids: Sequence[int], file: Path) -> Iterator[Trace]:
    """Look at every thread of some processes, and at what they start, until the end of the block: in one order of all.

    Skips where strace may not.
    """
    if shutil.which("strace") is None:
        lacking("strace")
    words = [
        "-f",
        "-y",
        "-s",
        "20000",
        "-o",
        str(file),
        "-e",
        f"trace={_LOOKED_AT}",
        *(word for pid in pids for word in ("-p", str(pid))),
    ]
    strace = subprocess.Popen(["strace", *words], stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    # a line for each, in any order
    said = "".join(strace.stderr.readline() for _ in pids)
    # one that has ended meanwhile, as a connection's of a moment ago, has nothing to show
    if said.count("attached") + said.count("No such process") < len(pids):
        strace.terminate()
        strace.communicate()
        pytest.skip(f"strace may not look at a process here: {said.strip()}")
    trace = Trace()
    try:
        yield trace
    finally:
        strace.terminate()
        strace.communicate()
    trace.calls.extend(_read(file.read_text(errors="replace").splitlines()))


def _read(lines: list[str]) -> list[Call]:
    calls: list[Call] = []
    under_way: dict[tuple[str, str], Call] = {}
    for place, line in enumerate(lines):
        if found := _BEGUN.match(line):
            thread, name, words, result = found.groups()
            call = Call(thread, name, words, place)
            calls.append(call)
            if result is None:
                under_way[thread, name] = call
            else:
                call.ended, call.result = place, int(result)
        elif found := _ENDED.match(line):
            thread, name, words, result = found.groups()
            if (thread, name) in under_way:
                call = under_way.pop((thread, name))
                call.words += words
                call.ended, call.result = place, int(result)
    return calls
