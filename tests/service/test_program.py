"""Starting: many processes in one moment, on a database that nothing has used yet."""

import threading
from dataclasses import replace

from sqlalchemy import text

from service.clock import wall_clock
from service.program import open_program
from service.settings import Settings
from store.database import Database
from store.errors import StoreError
from store.people import add_consumer


def test_processes_that_start_in_one_moment_all_start(settings: Settings) -> None:
    together, consumers, failed = threading.Barrier(4), set[str](), list[StoreError]()

    def start() -> None:
        together.wait()
        try:
            with open_program(settings, wall_clock) as program:
                consumers.add(program.own_consumer_id)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    assert len(consumers) == 1


def test_a_process_that_starts_again_does_so_while_others_write(
    settings: Settings, database: Database
) -> None:
    with open_program(settings, wall_clock):
        pass
    # on SQLite this is the one lock of all who write; on PostgreSQL that of what a start could write
    with database.write() as session:
        add_consumer(session, "another", wall_clock())
        if not database.is_sqlite:
            session.execute(text("LOCK TABLE policies, consumers IN EXCLUSIVE MODE"))
        with open_program(settings, wall_clock):
            pass


def test_the_first_process_waits_for_who_writes(settings: Settings, sqlite_url: str) -> None:
    store = replace(settings.store, database_url=sqlite_url)
    # for so short a time a statement waits for a lock
    impatient = replace(settings, store=store, database_seconds=0.05)
    writer, asked = Database(sqlite_url), threading.Event()
    began = threading.Thread(target=_start, args=(impatient, asked))
    with writer.write():
        began.start()
        # many times as long as one try takes
        assert not asked.wait(1.0)
    began.join()
    assert asked.is_set()
    writer.dispose()


def _start(settings: Settings, started: threading.Event) -> None:
    with open_program(settings, wall_clock):
        started.set()
