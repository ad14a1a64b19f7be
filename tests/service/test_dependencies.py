"""The request's door: what an endpoint did is committed before its answer leaves, or is not told as done."""

import inspect
import threading

import httpx
import psycopg
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from service.dependencies import Moment, Reading, Writing, read_session, write_session
from store import people
from store.tables import SignIn
from tests.service.serving import Serving


def names(served: Serving) -> set[str]:
    with served.database.read() as session:
        return {one.name for one in people.people(session)}


def test_a_commit_that_fails_is_not_answered_as_done(served: Serving) -> None:
    @served.app.put("/test/late")
    def late(session: Writing, now: Moment) -> str:
        people.add_person(session, "anna", "0123456789", "reviewer", now)
        if served.database.is_sqlite:
            # a row that points nowhere, which is only found out at the commit
            session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            session.add(
                SignIn(token_sha256="0" * 64, person_id="nobody", created_at=now, expires_at=now)
            )
            session.flush()
        else:
            pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with psycopg.connect(served.database.url.replace("+psycopg", "")) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return "done"

    with httpx.Client(base_url=served.url) as client:
        answer = client.put("/test/late")
    assert answer.status_code == (409 if served.database.is_sqlite else 503)
    assert "done" not in answer.text
    assert names(served) == set()


def test_what_an_endpoint_did_is_there_when_its_answer_is(served: Serving) -> None:
    @served.app.put("/test/{name}")
    def add(session: Writing, now: Moment, name: str) -> str:
        people.add_person(session, name, "0123456789", "reviewer", now)
        return name

    with httpx.Client(base_url=served.url) as client:
        for number in range(5):
            assert client.put(f"/test/{number}").status_code == 200
            assert str(number) in names(served)


def test_an_endpoint_that_fails_leaves_nothing(served: Serving) -> None:
    @served.app.put("/test/half")
    def half(session: Writing, now: Moment) -> None:
        people.add_person(session, "anna", "0123456789", "reviewer", now)
        raise RuntimeError("half-way")

    with httpx.Client(base_url=served.url) as client:
        assert client.put("/test/half").status_code == 500
    assert names(served) == set()


def test_many_writers_and_readers_at_once_do_not_block_each_other(served: Serving) -> None:
    @served.app.put("/test/write/{name}")
    def write(session: Writing, now: Moment, name: str) -> str:
        people.add_consumer(session, name, now)
        return name

    @served.app.get("/test/read")
    def read(session: Reading) -> int:
        return len(people.people(session))

    # more at once than there are threads, which would wait for a session that only one of them could end
    number = served.settings.threads * 2
    together, statuses = threading.Barrier(number), []

    def go(one: int) -> None:
        with httpx.Client(base_url=served.url, timeout=30) as client:
            together.wait()
            if one % 2:
                statuses.append(client.put(f"/test/write/{one}").status_code)
            else:
                statuses.append(client.get("/test/read").status_code)

    threads = [threading.Thread(target=go, args=(one,)) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * number


def test_what_asks_the_database_runs_in_a_thread(served: Serving) -> None:
    routes = [one.original_route for one in iter_route_contexts(served.app.routes)]
    asking = [one for one in routes if isinstance(one, APIRoute) and asks(one.dependant)]
    assert len(asking) > 50
    # one that waits for a lock would let nobody else be answered meanwhile
    assert [one.path for one in asking if inspect.iscoroutinefunction(one.endpoint)] == []


def asks(dependant: Dependant) -> bool:
    own = dependant.call in (read_session, write_session)
    return own or any(asks(one) for one in dependant.dependencies)
