"""What was brought back from a backup is the same system: every row, and a service on it that answers as before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from service.clock import wall_clock
from service.settings import Settings
from store import backup
from store.database import Database
from store.rollouts import Actor
from store.tables import Base
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.serving import Serving, serving
from tests.toy import draw

# the act of bringing back is on record, every sign-in is ended, and a service is alive again
CHANGED = {"privileged_acts", "sign_ins", "heartbeats"}


def rows(database: Database) -> dict[str, list[Any]]:
    """Every row of every table that is to be the same."""
    with database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).tuples()))
            for table in Base.metadata.sorted_tables
            if table.name not in CHANGED
        }


def post(served: Serving, key: str, number: int) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"key-{number}"}
    files = {"image": ("a.png", draw(number % 2, number))}
    answer = httpx.post(f"{served.url}/v1/predictions", files=files, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_service_on_what_was_brought_back_answers_as_before(
    start: Start, settings: Settings, empty_url: str, tmp_path: Path
) -> None:
    served = start(audit_rate=1.0)
    version, key = served.model(tmp_path / "bundle"), served.key()
    browser = Browser(served, "olga", "admin")
    assert browser.submit("/rollout/freeze", reason="a backup").status_code == 303
    answers = [post(served, key, number) for number in range(4)]
    served.label(answers[0].json()["id"], "bear")
    by = Actor("command", "ops"), wall_clock()
    saved = backup.save(served.database.url, settings.store.storage_url, tmp_path / "backup", *by)
    assert (saved.pictures, saved.bundles, saved.gone, saved.altered) == (4, 1, (), ())
    before = rows(served.database)
    storage = str(tmp_path / "storage again")
    backup.restore(tmp_path / "backup", empty_url, storage, *by)
    brought_back = Database(empty_url)
    after = rows(brought_back)
    brought_back.dispose()
    assert after == before
    assert {"labels", "reviews", "api_keys", "people", "rollout_events"} <= {
        name for name, found in after.items() if found
    }
    there = replace(
        settings,
        store=replace(settings.store, database_url=empty_url, storage_url=storage),
        bundle_cache=tmp_path / "cache again",
    )
    with serving(there) as again:
        replayed = [post(again, key, number) for number in range(4)]
        assert [one.content for one in replayed] == [one.content for one in answers]
        new = post(again, key, 4).json()
        assert (new["status"], new["model_version"]) == ("answered", version)
        # whoever was signed in has to do so again, with the same password
        with httpx.Client(base_url=again.url, cookies=browser.http.cookies) as old:
            assert old.get("/models").status_code == 401
