"""Run the migrations on either database, one transaction each, one process at a time.

A migration must work with the code that is still running, so it may wait for nobody long: locks and statements
are bounded. On SQLite tables are altered by copying (batch mode).
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import create_engine, pool, text

from store.tables import Base
from store.tables.base import Instant

# one number for all deployments of Ursa: whoever holds it migrates, the others wait
_LOCK = 0x75727361


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
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
            connection.execute(text("SET lock_timeout = '4s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
            compare_type=True,
            render_item=_render,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
