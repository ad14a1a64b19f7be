"""PgBouncer by `deploy/pgbouncer/pgbouncer.ini`: what the programs ask PostgreSQL for holds behind it as well."""

from pathlib import Path

import pytest
from sqlalchemy import text

from store.database import Database
from tests import postgres
from tests.conftest import lacking
from tests.journeys.copies import pooler
from tests.journeys.proxy import free_ports

pytestmark = pytest.mark.journey
ASKED = (
    "lock_timeout", "statement_timeout", "synchronous_commit", "tcp_keepalives_idle",
    "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout",
)  # fmt: skip


def test_limits_and_signs_of_life_are_the_same_with_and_without_it(tmp_path: Path) -> None:
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    bouncer, port = free_ports(2)
    with postgres.own_server(binaries, port=port):
        ways = []
        for used in (False, True):
            with pooler(tmp_path, bouncer, port, used=used) as url:
                ways.append(_limits(url))
    direct, pooled = ways
    assert pooled == direct
    assert direct["idle_in_transaction_session_timeout"] == "5s"


def _limits(url: str) -> dict[str, str]:
    """What holds for a write."""
    database = Database(url)
    with database.write() as session:
        names = (*ASKED, "idle_in_transaction_session_timeout")
        found = {name: str(session.scalar(text(f"SHOW {name}"))) for name in names}
    database.dispose()
    return found
