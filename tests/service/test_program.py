"""Starting: many processes in one moment, on a database that nothing has used yet."""

import threading

from service.clock import wall_clock
from service.program import open_program
from service.settings import Settings
from store.errors import StoreError


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
