"""A real Prometheus scrapes the real programs under traffic: every query of every panel and rule returns data."""

import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.client import Client, Refused
from store import accuracies, alarms, models, people, rollouts, windows
from store.accuracies import NewAccuracy
from store.alarms import NewAlarm
from store.bundles import BundleStore
from store.database import Database
from store.ids import new_id
from store.objects import Objects
from store.rollouts import Actor
from store.windows import NewWindow
from tests.conftest import lacking
from tests.deploy.prometheus import Prometheus, prometheus, sides
from tests.deploy.watching import Query, of_panels, rules
from tests.journeys.programs import Programs, programs
from tests.toy import CLASSES, Shift, draw, toy_bundle

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

PICTURES = 60
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path
) -> Iterator[Prometheus]:
    """Prometheus beside service and monitoring, which have worked for a while."""
    if shutil.which("prometheus") is None:
        lacking("Prometheus")
    folder = tmp_path_factory.mktemp("watched")
    shutil.copyfile(migrated_sqlite, folder / "ursa.db")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "URSA_MONITORING_METRICS_PORT": str(port),
        "URSA_MONITORING_POLL_SECONDS": "0.5",
        "URSA_WINDOW_PREDICTIONS": str(PICTURES),
        "URSA_WINDOW_MINIMUM": "20",
        "URSA_AUDIT_RATE": "0.3",
        "URSA_ONLINE_SETTLE_SECONDS": "2",
        "URSA_WINDOW_SETTLE_SECONDS": "2",
        "URSA_NULL_REPLAY_WINDOWS": "10",
    }
    with programs(folder, f"sqlite:///{folder / 'ursa.db'}", **settings) as three:
        key = given(three)
        for program in ("service", "monitoring"):
            three.start(program)
        ports = {"ursa-service": three.port, "ursa-monitoring": port}
        with prometheus(folder, ports) as running:
            three.wait_for(lambda: running.has_data("ursa_models_broken"), 60, "a first scrape")
            # a rate needs a series to be there before it grows
            traffic(three, key, "first")
            three.wait_for(
                lambda: running.has_data("ursa_version_answers_total"), 60, "a scrape of answers"
            )
            traffic(three, key, "again")
            three.wait_for(
                lambda: running.query("sum(ursa_windows_checked_total) > 0"), 240, "a window"
            )
            yield running


def given(three: Programs) -> str:
    """A version that answers, a candidate, and rows that take monitoring days to write; the key of a consumer."""
    now, actor = datetime.now(UTC), Actor("system", "a test")
    database = Database(three.database_url)
    bundles = BundleStore(Objects(str(three.folder / "storage")), three.folder / "bundles")
    kept = [
        bundles.keep(toy_bundle(three.folder / name, gain=gain))
        for name, gain in (("one", 3.0), ("two", 2.0))
    ]
    key = people.new_key()
    with database.write() as session:
        versions = [
            models.register(session, models.NewVersion(digest, 1, list(CLASSES), {}), now)
            for digest in kept
        ]
        first = rollouts.open_rollout(session, versions[0].id, actor, "a test", now)
        rollouts.move(session, first.id, "promote", actor, "a test", now)
        rollouts.open_rollout(session, versions[1].id, actor, "a test", now)
        people.add_key(session, people.add_consumer(session, "shop", now), key, "consumer", now)
        live = versions[0].id
        for kind in ("window", "online", "accuracy", "rollout_guard"):
            alarms.raise_alarm(session, NewAlarm(kind, "", live, None, {}, pages=True), now)
        ends = new_id(now)
        for verdict in ("quiet", "drift"):
            new = NewWindow(
                live, "north", ends, f"{ends[:-1]}{verdict[0]}", now, now, 200, verdict, {}, {}
            )
            windows.add(session, new, None, now)
        slices = [("all", ""), ("segment", "north"), *(("class", name) for name in CLASSES)]
        look = [
            NewAccuracy(
                whose,
                by,
                name,
                "wilson",
                now - timedelta(days=1),
                now,
                400,
                380.0,
                0.9,
                0.87,
                0.93,
                {},
            )
            for whose in (None, live)
            for by, name in slices
        ]
        accuracies.keep(session, look, now)
    database.dispose()
    return key


def traffic(three: Programs, key: str, which: str) -> None:
    """Pictures of three sources, some of another kind, one that is none, one sent twice, and what is said back."""
    with Client(three.url, key) as client:
        for number in range(PICTURES):
            shift: Shift = "sketch" if number % 6 == 0 else "none"
            segment = ("north", "south", None)[number % 3]
            picture = draw(number % 2, number, shift=shift)
            told = client.predict(
                picture, segment=segment, idempotency_key=f"{which}-picture-{number}"
            )
            if number % 20 == 0:
                client.predict(
                    picture, segment=segment, idempotency_key=f"{which}-picture-{number}"
                )
                client.feedback(told.id, correct=False)
        with pytest.raises(Refused):
            client.predict(secrets.token_bytes(100))


def wanted() -> list[Query]:
    """Everything that must return data."""
    found = of_panels()
    found += [Query(rule["record"], rule["record"]) for rule in rules("rules.yml")]
    for file, name in (("rules.yml", "record"), ("alerts.yml", "alert")):
        found += [Query(rule[name], side) for rule in rules(file) for side in sides(rule["expr"])]
    return found


def test_every_query_of_every_panel_and_rule_returns_data(watched: Prometheus) -> None:
    missing, deadline = wanted(), time.monotonic() + WAIT_SECONDS
    assert len(missing) > 100
    # what is a rate or a record needs some scrapes more
    while missing and time.monotonic() < deadline:
        missing = [query for query in missing if not watched.has_data(query.expr)]
        if missing:
            time.sleep(1)
    assert [(query.where, query.expr) for query in missing] == []


def test_a_query_of_what_does_not_exist_would_be_found_out(watched: Prometheus) -> None:
    wrong = 'sum(ursa_predictons_total) > 5 or absent(up{job="ursa-service"})'
    assert sides(wrong) == ["sum(ursa_predictons_total) > bool 5"]
    assert not watched.has_data(sides(wrong)[0])
    right = 'sum(ursa_predictions_total) > 1e9 and on () max(up{job="ursa-service"}) == 7'
    assert watched.has_data(sides(right)[0])


def test_prometheus_keeps_no_more_series_than_promised(watched: Prometheus) -> None:
    for job in ("ursa-service", "ursa-monitoring"):
        (count,) = watched.query(f'max(scrape_samples_scraped{{job="{job}"}})')
        assert 50 < count <= 500
