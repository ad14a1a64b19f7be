"""A database that can be read and not written, as after a failover to a standby."""

import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from service import background
from service.delivering import Deliveries
from store import webhooks
from store.database import Database
from tests.service.conftest import _settings
from tests.service.serving import serving
from tests.store.given import NOW
from tests.toy import draw


def only_reads(url: str, on: bool) -> None:
    """From now on, and for those who are connected too."""
    name = make_url(url).database
    server = make_url(url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        said = (
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = {"on" if on else "off"}'
        )
        admin.execute(said.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


def test_a_service_refuses_until_it_can_be_written_and_goes_on(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "HEARTBEAT_SECONDS", 0.05)
    before = set(threading.enumerate())
    with serving(_settings(postgresql_url, tmp_path)) as served, served.http() as client:
        beside = [
            one
            for one in threading.enumerate()
            if one.name.startswith("background") and one not in before
        ]

        def predict(number: int) -> tuple[int, bool]:
            told = client.post("/v1/predictions", files={"image": ("a.png", draw(0, number))})
            return told.status_code, "retry-after" in told.headers

        assert predict(1) == (200, False)
        only_reads(postgresql_url, on=True)
        # what was connected in between is ended in its own time, as it is met
        assert any(predict(2) == (503, True) for _ in range(20))
        assert any(client.get("/readyz").status_code == 503 for _ in range(1000))
        only_reads(postgresql_url, on=False)
        assert any(predict(3) == (200, False) for _ in range(20))
        assert any(client.get("/readyz").status_code == 200 for _ in range(20))
        assert len(beside) == 1 + background.WORKERS
        assert all(one.is_alive() for one in beside)


def test_deliveries_outlive_what_nobody_foresaw(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, over = Database(sqlite_url), threading.Event()
    tries = []

    def claim(*_: object) -> None:
        tries.append(1)
        if len(tries) == 2:
            over.set()
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr(webhooks, "is_due", claim)
    Deliveries(database, "a worker", lambda: NOW, private=False).run(over, idle_seconds=0.0)
    assert len(tries) == 2
    database.dispose()
