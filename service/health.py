"""Whether this process can do its work: what is asked by whoever sends it requests, and by people.

A missing model is not a lack: people answer then. Every check is short and changes nothing. Anybody may ask, without a
key: so there is one look at a time, for all who ask meanwhile.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter

from service.program import Program
from store import migrate
from store.errors import StoreError, Unavailable

# for so long what was found well is not looked at again; what is wrong is, by whoever asks next
GOOD_SECONDS = 0.5


@dataclass(frozen=True)
class Health:
    """`checks`: "ok" or a sentence, by what was checked. `models`: who answers, and what is wrong with whom."""

    ready: bool
    checks: dict[str, str]
    models: dict[str, Any]


class Looks:
    """Looks in a thread of their own, since a full house is alive and says so."""

    def __init__(self, look: Callable[[], dict[str, str]]) -> None:
        self._look = look
        self._thread = CapacityLimiter(1)
        self._latest: asyncio.Task[dict[str, str]] | None = None
        self._good_until = 0.0

    async def take(self) -> dict[str, str]:
        """What the look found that is under way, or was a moment ago, or begins now."""
        latest = self._latest
        if latest is None or (latest.done() and monotonic() >= self._good_until):
            latest = self._latest = asyncio.create_task(self._begin())
        # who asked first may go before the others have heard
        return await asyncio.shield(latest)

    async def _begin(self) -> dict[str, str]:
        found = await anyio.to_thread.run_sync(self._look, limiter=self._thread)
        self._good_until = monotonic() + GOOD_SECONDS if is_good(found) else 0.0
        return found


def sum_up(program: Program, checks: dict[str, str]) -> Health:
    """What was found, and who answers now."""
    standing = program.live.standing
    models = {
        "answering": standing.incumbent.model.number
        if standing.incumbent and not standing.killed
        else None,
        "alongside": standing.candidate.model.number
        if standing.candidate and not standing.killed
        else None,
        "killed": standing.killed,
        "broken": list(standing.broken.values()),
    }
    return Health(is_good(checks), checks, models)


def is_good(checks: dict[str, str]) -> bool:
    """Whether nothing is wrong."""
    return all(said == "ok" for said in checks.values())


def look(program: Program) -> dict[str, str]:
    """Ask the database (with its schema), the storage and the threads."""
    return {
        "database": _try(lambda: _database(program)),
        "storage": _try(program.objects.probe),
        "prediction_log": _try(lambda: _log(program)),
        "live_models": "ok" if program.live.alive else "Nobody looks who answers any more.",
    }


def _database(program: Program) -> None:
    migrate.check(program.probes)
    program.probes.check_room()


def _log(program: Program) -> None:
    if not program.log.alive:
        raise Unavailable("The writer of the log has stopped.", "stopped")
    if program.log.failing:
        # it can be read and still not be written (SQLite, locked by another); and nobody may be sending any more
        with program.probes.write():
            pass


def _try(check: Any) -> str:
    try:
        check()
    except StoreError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # whatever it is, the answer is that it does not work
        return f"{type(error).__name__}"
    return "ok"
