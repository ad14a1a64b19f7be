"""Run the migrations on either database, one process at a time; whatever cuts them off leaves nothing half done.

On PostgreSQL each is a transaction of its own. On SQLite all that are missing are one transaction, which takes the
writers' lock before it asks how far the schema is; tables are altered by copying (batch mode).
A migration must work with the code that is still running, so on PostgreSQL it waits for no lock long. What it does
itself takes as long as it takes, and what it has locked stays locked until its end.
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, pool, text

from store.tables import Base
from store.tables.base import Instant

# one number for all deployments of Ursa: whoever holds it migrates, the others wait
_LOCK = 0x75727361
# milliseconds: who begins on SQLite while another migrates waits until that is done
_WAIT = 60_000


def _render(kind: str, what: Any, _autogen: Any) -> str | Literal[False]:
    # a released migration stands by itself: it imports nothing that may change
    if kind == "type" and isinstance(what, Instant):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Migrate the database that the configuration names."""
    engine = create_engine(
        context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool
    )
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite:
        _begin_at_once(engine)
    with engine.connect() as connection:
        if not is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
            connection.execute(text("SET lock_timeout = '4s'"))
            # of a machine that lost its power the server hears nothing: it would keep the locks for hours
            connection.execute(text("SET idle_in_transaction_session_timeout = '60s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=is_sqlite,
            # both databases can undo what alters tables; of SQLite alembic does not believe it
            transactional_ddl=True,
            # how far the schema is may be read once only, under the lock, which on SQLite a commit would give up
            transaction_per_migration=not is_sqlite,
            compare_type=True,
            render_item=_render,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _begin_at_once(engine: Engine) -> None:
    """Let every transaction of an SQLite engine be one from its first statement on, and the only one that writes."""

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # the driver would begin at the first row that is written, and commit every table that is made before it
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_WAIT}")
        # a table that is copied is dropped: rows that refer to it may stay; within a transaction it cannot be said
        connection.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


run()
