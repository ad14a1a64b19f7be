"""The service as a process of its own: it answers, logs, stops when told to, and loses nothing when killed."""

import signal
import threading

import httpx

from service.client import Client
from store import labels
from store.database import Database
from tests.service.machine import Machine, ready, served
from tests.toy import draw

_OTHER = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def test_a_served_process_answers_logs_and_stops(machine: Machine, database: Database) -> None:
    ready(machine, database)
    machine.does("promote", "--version", "1", "--reason", "the first")
    key = machine.does("key", "add", "shop", "--role", "consumer", "--reason", "a test").strip()
    with served(machine) as (url, process, lines):
        with Client(url, key) as client:
            answer = client.predict(draw(1, 1), segment="web")
            assert (answer.label, answer.model_version) == ("teddy", 1)
        assert httpx.get(f"{url}/readyz").status_code == 200
        # nobody becomes another kind of connection, which would be past all limits of these
        assert httpx.get(f"{url}/livez", headers=_OTHER).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    log = "".join(lines)
    assert '"event": "request"' in log
    assert '"consumer": "shop"' in log
    assert key not in log
    assert key[:11] in log
    with database.read() as session:
        assert labels.count_settled(session) == 0


def test_what_was_acknowledged_survives_a_kill(machine: Machine, database: Database) -> None:
    ready(machine, database)
    machine.does("promote", "--version", "1", "--reason", "the first")
    key = machine.does("key", "add", "shop", "--role", "consumer", "--reason", "a test").strip()
    told: list[str] = []
    enough = threading.Event()

    def send(url: str, offset: int) -> None:
        with Client(url, key, attempts=1) as client:
            for number in range(1000):
                try:
                    told.append(client.predict(draw(0, offset + number)).id)
                except httpx.TransportError:
                    return
                if len(told) > 20:
                    enough.set()

    with served(machine) as (url, process, _):
        threads = [threading.Thread(target=send, args=(url, 1000 * one)) for one in range(4)]
        for thread in threads:
            thread.start()
        enough.wait()
        process.kill()
        for thread in threads:
            thread.join()
    with database.read() as session:
        kept = {
            one for (one,) in session.connection().exec_driver_sql("SELECT id FROM predictions")
        }
    assert len(told) > 20
    assert set(told) <= kept
