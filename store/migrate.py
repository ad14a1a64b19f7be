"""Bring the database's schema to where this code needs it, and say in one sentence when it is not there."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError, OperationalError

from store.database import Database
from store.errors import SchemaAhead, SchemaBehind, StoreError, Unavailable

_log = structlog.get_logger("database")
_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return made


def upgrade(url: str) -> None:
    """Run the migrations that are missing. Raises SchemaAhead when the database is newer than this code, Unavailable
    when one of them fails.

    Then, and after a kill or a power cut in the middle, a PostgreSQL is as the migration before left it and an SQLite
    file as it was before them all: done again, it goes on from there.
    """
    database = Database(url)
    try:
        if _current(database) not in (None, *_known(url)):
            raise SchemaAhead(_AHEAD)
    finally:
        database.dispose()
    try:
        command.upgrade(config(url), "head")
    except DatabaseError as error:
        # a full disk, a lock that is not given up, tables of somebody else's
        raise Unavailable(
            f"The database could not be migrated: {error.orig}.", "migration_failed"
        ) from error


def begin(url: str) -> None:
    """Make the schema where there is none at all; any other database is left as it is."""
    database = Database(url)
    try:
        empty = _current(database) is None and not inspect(database.engine).get_table_names()
    finally:
        database.dispose()
    if empty:
        upgrade(url)


def check(database: Database) -> None:
    """Raises SchemaBehind or SchemaAhead unless the schema is exactly this code's."""
    known = _known(database.url)
    current = _current(database)
    if current == known[0]:
        return
    if current is None or current in known:
        raise SchemaBehind(
            "The database lacks migrations: run `make migrate` (or start with `make run`)."
        )
    raise SchemaAhead(_AHEAD)


def wait_for(database: Database, pause: Callable[[], bool]) -> bool:
    """Wait while the database is away; whether it came before `pause`, which waits a moment, said that it is enough.

    Raises a StoreError where it is there and cannot be used.
    """
    while True:
        try:
            check(database)
        except StoreError as error:
            if error.code != "database_unavailable":
                raise
            _log.warning("waiting for the database", why=str(error))
        else:
            return True
        if not pause():
            return False


_AHEAD = (
    "The database was made by a newer version of Ursa: start that version, or restore a backup."
)


@cache
def _known(url: str) -> list[str]:
    script = ScriptDirectory.from_config(config(url))
    return [revision.revision for revision in script.walk_revisions()]


def _current(database: Database) -> str | None:
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise Unavailable("The database cannot be opened.", "database_unavailable") from error
    except DatabaseError as error:
        raise Unavailable(
            "The database file is broken: restore a backup.", "database_broken"
        ) from error
