"""Whether this process can do its work: what is asked by whoever sends it requests, and by people.

A missing model is not a lack: people answer then. Every check is short and changes nothing.
"""

from dataclasses import dataclass
from typing import Any

from service.program import Program
from store import migrate
from store.errors import StoreError, Unavailable


@dataclass(frozen=True)
class Health:
    """`checks`: "ok" or a sentence, by what was checked. `models`: who answers, and what is wrong with whom."""

    ready: bool
    checks: dict[str, str]
    models: dict[str, Any]


def look(program: Program) -> Health:
    """Ask the database (with its schema), the storage and the threads."""
    checks = {
        "database": _try(lambda: _database(program)),
        "storage": _try(program.objects.probe),
        "prediction_log": _try(lambda: _log(program)),
        "live_models": "ok" if program.live.alive else "Nobody looks who answers any more.",
    }
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
    return Health(all(said == "ok" for said in checks.values()), checks, models)


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
