"""Clients that do not behave: they leave in the middle of an upload, or send a byte a second.

And what a process and those that it has started have in hand: connections, threads, files, memory. Counted before and after, once what ends by
itself had the time to do so.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from tests.postgres import family

AT_ONCE = 200
# idle threads of the pool end after ten seconds, a kept connection after five
SETTLE_SECONDS = 20.0
# told by nobody, and not cut off
HELD = -1
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class InHand:
    """What a process and those that it has started hold; `memory` is resident, in MiB."""

    sockets: int
    threads: int
    files: int
    temporary: int
    memory: float

    @classmethod
    def of(cls, pid: int, *folders: Path) -> "InHand":
        """What it and those that it has started hold now; `temporary` are files in these folders that no row or key
        ever names."""
        processes = family(pid)
        links = [link for one in processes for link in _links(one)]
        sockets = sum(link.startswith("socket:") for link in links)
        # a pool of ways into the database grows to its size once and is kept
        pooled = sum(Path(link).name.startswith("ursa.db") for link in links)
        left = [
            path for folder in folders for path in folder.rglob("*")
            if path.is_file() and (path.name.startswith(".new-") or folder.name == "tmp")
        ]  # fmt: skip
        threads = sum(_threads(one) for one in processes)
        return cls(sockets, threads, len(links) - sockets - pooled, len(left), memory(pid))

    def beyond(self, before: "InHand") -> list[str]:
        """What there is more of than before, memory aside, in words."""
        names = ("sockets", "threads", "files", "temporary")
        pairs = [(name, getattr(before, name), getattr(self, name)) for name in names]
        return [f"{name}: {was} before, {now} after" for name, was, now in pairs if now > was]


def _links(pid: int) -> list[str]:
    """What the open files of a process are."""
    found = []
    with suppress(FileNotFoundError):  # it has ended meanwhile
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it was closed meanwhile
                found.append(str(one.readlink()))
    return found


def _threads(pid: int) -> int:
    with suppress(FileNotFoundError):  # it has ended meanwhile
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    return 0


def memory(pid: int, line: str = "VmRSS") -> float:
    """MiB of a process and of those that it has started."""
    return sum(_number(status, line) for status in _family(pid)) / 1024


def own_memory(pid: int) -> float:
    """MiB of a process alone."""
    return _number(Path(f"/proc/{pid}/status").read_text(), "VmRSS") / 1024


class Watched:
    """The most memory that a process and those that it has started had together meanwhile, in MiB."""

    def __init__(self, pid: int, every: float = 0.25) -> None:
        self._pid, self._every, self._over = pid, every, threading.Event()
        self.highest = 0.0
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.highest = max(self.highest, memory(self._pid))

    def __enter__(self) -> "Watched":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def own_memory_meanwhile(pid: int, every: float = 0.5) -> Iterator[list[float]]:
    """MiB of a process alone, looked at again and again to the end of the block."""
    seen, over = list[float](), threading.Event()

    def look() -> None:
        while not over.wait(every):
            seen.append(own_memory(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def _family(pid: int) -> Iterator[str]:
    yield Path(f"/proc/{pid}/status").read_text()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            status = path.read_text()
        except OSError:
            continue  # it ended meanwhile
        if _number(status, "PPid") == pid:
            yield status


def _number(status: str, name: str) -> int:
    # one that has ended and that nobody has asked about has no memory
    found = (one for one in status.splitlines() if one.startswith(f"{name}:"))
    return int(next(found, "0 0").split()[1])


def settled(look: Callable[[], InHand], before: InHand) -> InHand:
    """What is in hand once no more is left than before, or after `SETTLE_SECONDS`."""
    until = monotonic() + SETTLE_SECONDS
    while (now := look()).beyond(before) and monotonic() < until:
        sleep(0.2)
    return now


def leave_in_mid_upload(port: int, requests: Sequence[bytes], clients: int) -> None:
    """`clients` send half a request and go, every other one by a reset."""

    async def one(number: int, room: asyncio.Semaphore) -> None:
        async with room:
            request = requests[number % len(requests)]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request[: len(request) // 2])
                await writer.drain()
                if number % 2:
                    made = writer.get_extra_info("socket")
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                pass  # it was refused and closed before it could leave
            writer.transport.abort()

    async def everybody() -> None:
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(number, room) for number in range(clients)))

    asyncio.run(everybody())


async def drip(
    port: int, requests: Sequence[bytes], clients: int, seconds: float
) -> dict[int, int]:
    """`clients` at a time send the head and then a byte a second; how many were told which status.

    0: cut off; `HELD`: nobody had said anything 5 s after the end of `seconds`.
    """

    async def one(request: bytes) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = request.index(b"\r\n\r\n") + 4
        told = asyncio.ensure_future(reader.read(12))
        try:
            writer.write(request[:head])
            until, at = monotonic() + seconds, head
            while monotonic() < until and not told.done():
                writer.write(request[at : at + 1])
                at += 1
                await asyncio.wait([told], timeout=1)
            answer = await asyncio.wait_for(told, 5)
        except TimeoutError:
            return HELD
        except OSError:
            return 0
        finally:
            told.cancel()
            writer.transport.abort()
        return int(answer[9:12] or b"0")

    counted: dict[int, int] = {}
    for status in await asyncio.gather(
        *(one(requests[number % len(requests)]) for number in range(clients))
    ):
        counted[status] = counted.get(status, 0) + 1
    return counted
