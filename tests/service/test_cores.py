"""Cores: who answers comes first, and what is lent comes back."""

import threading
from collections.abc import Callable
from itertools import product

import pytest

from service.cores import REFUSED_SECONDS, Busy, Coming, Cores, Loan


def test_no_more_work_at_once_than_there_are_cores() -> None:
    cores, inside, most = Cores(2, 8), 0, 0
    lock, together = threading.Lock(), threading.Barrier(8)

    def work() -> None:
        nonlocal inside, most
        together.wait()
        for _ in range(50):
            with cores.work():
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 2


def test_a_core_is_lent_only_while_one_is_free() -> None:
    cores = Cores(1)
    first, second = Loan(cores), Loan(cores)
    first.begin(0)
    with pytest.raises(Busy):
        second.begin(0)
    first.end()
    Loan(cores).begin(0)


def test_a_core_that_was_lent_for_too_long_goes_to_who_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.cores.LEND_SECONDS", 0.02)
    cores = Cores(1, 1)
    hanging = Loan(cores)
    hanging.begin(0)
    with cores.work(), pytest.raises(Busy):
        Loan(cores).begin(0)
    hanging.end()  # the one that hung comes back at last, and gives nothing back twice
    with cores.work(), pytest.raises(Busy):
        Loan(cores).begin(0)


def test_a_core_that_was_lent_for_no_time_is_nothing_to_wait_for() -> None:
    cores = Cores(1)
    thinking = Loan(cores, 0.0)
    thinking.begin(0)
    with cores.work():
        thinking.end()  # and gives nothing back twice
        with pytest.raises(Busy):
            Loan(cores, 0.0).begin(0)


def test_the_queue_has_an_end_and_only_the_patient_wait_behind_it() -> None:
    cores, order = Cores(1, 1), list[str]()

    def wait(name: str, patient: bool) -> None:
        with cores.work(patient=patient):
            order.append(name)

    waiting = [threading.Thread(target=wait, args=one) for one in (("a", False), ("b", True))]
    with cores.work():
        for number, thread in enumerate(waiting, 1):
            thread.start()
            while len(cores._queue) < number:
                threading.Event().wait(0.001)
        assert cores.full
        with pytest.raises(Busy), cores.work():
            pass
    for thread in waiting:
        thread.join()
    # who came first was served first
    assert order == ["a", "b"]
    assert not cores.full


def test_a_quick_network_may_have_a_longer_queue() -> None:
    cores = Cores(2, 1, seconds=0.1)
    cores._taken = 0.01
    assert cores._most == 20
    cores._taken = 1.0
    assert cores._most == 1


def full(cores: Cores) -> bool:
    """Now: it changes behind a reader's back."""
    return cores.full


def test_who_was_let_in_has_a_place_until_it_comes_or_goes() -> None:
    cores = Cores(1, 1)
    first, second = cores.announce(), cores.announce()
    # one core and one place to wait: both are spoken for before anybody has come
    assert full(cores)
    with pytest.raises(Busy):
        cores.announce()
    # who never came gives it back, once
    assert second.end()
    assert not second.end()
    third = cores.announce()
    with cores.work(first):
        assert full(cores)
        assert not first.end()
        with pytest.raises(Busy), cores.work():
            pass
    with cores.work(third):
        assert not full(cores)
    assert not full(cores)


def test_who_was_let_in_is_not_refused_on_the_way() -> None:
    cores = Cores(1, 1)
    held, coming = threading.Event(), cores.announce()
    waiting = cores.announce()

    def wait() -> None:
        with cores.work(waiting):
            held.set()

    with cores.work(coming):
        thread = threading.Thread(target=wait)
        thread.start()
        # in its place or about to be: full in either case, and it is not told to go
        assert full(cores)
        assert not held.is_set()
    thread.join(5)
    assert held.is_set()


def wait_until(holds: Callable[[], bool]) -> None:
    """Threads tell nobody that they have begun to wait."""
    while not holds():
        threading.Event().wait(0.001)


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_what_is_lent_refuses_no_consumer_in_any_order_of_events(seconds: float) -> None:
    # every order of six of: one is let in, one goes, one asks for a loan, one gives it back
    for order in product("+-<>", repeat=6):
        with_loans, without = Cores(2, 1), Cores(2, 1)
        inside: list[tuple[Coming, Coming]] = []
        lent: list[Loan] = []
        for act in order:
            if act == "+" and not full(without):
                assert not full(with_loans), order
                inside.append((with_loans.announce(), without.announce()))
            elif act == "-" and inside:
                assert [one.end() for one in inside.pop()] == [True, True]
            elif act == "<":
                loan = Loan(with_loans, seconds)
                try:
                    loan.begin(0)
                    lent.append(loan)
                except Busy:
                    pass  # it was shed, as it should be
            elif act == ">" and lent:
                lent.pop().end()
            assert full(with_loans) == full(without), order


def test_who_waits_has_the_next_core_and_who_only_watches_none() -> None:
    cores, order = Cores(1, 4), list[str]()

    def consumer() -> None:
        with cores.work():
            order.append("consumer")

    def watcher() -> None:
        loan = Loan(cores)
        loan.begin(60.0)
        order.append("watcher")
        loan.end()

    # the watcher came first
    threads = [threading.Thread(target=one) for one in (watcher, consumer)]
    with cores.work():
        threads[0].start()
        wait_until(lambda: len(cores._changed._waiters) == 1)  # type: ignore[attr-defined]  # nothing public tells
        threads[1].start()
        wait_until(lambda: len(cores._queue) == 1)
        with pytest.raises(Busy):
            Loan(cores).begin(0)
    for one in threads:
        one.join(10)
    assert order == ["consumer", "watcher"]


@pytest.mark.parametrize("places", [0, 1, 2, 4, 16])
def test_who_only_watches_is_in_the_way_before_a_consumer_is_refused(places: int) -> None:
    cores = Cores(2, places)
    for _ in range(2):
        cores._take(None, patient=False)
    pressed_at, refused_at = 0, 0
    while not full(cores):
        cores._take(None, patient=False)
        refused_at += 1
        pressed_at = pressed_at or (refused_at if cores.pressed else 0)
    # as many as wait when it is so; where nobody may wait, there is no core to lend either
    assert refused_at == places
    assert pressed_at == min(3, places // 2 + 1) if places > 0 else not cores.pressed
    with pytest.raises(Busy):
        Loan(cores).begin(0)


def test_who_only_watches_stays_away_for_a_while_after_a_consumer_was_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("service.cores.monotonic", lambda: now)
    cores = Cores(2, 1)
    seen = [cores.pressed]
    places = [cores.announce() for _ in range(3)]
    with pytest.raises(Busy):
        cores.announce()
    for one in places:
        one.end()
    # nobody is there any more
    seen.append(cores.pressed)
    now += REFUSED_SECONDS
    seen.append(cores.pressed)
    # by who has found it full
    cores.refused()
    seen.append(cores.pressed)
    assert seen == [False, True, False, True]


def test_where_more_wait_than_there_are_cores_who_only_watches_is_sent_away_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cores = Cores(1, 4)

    def consumer() -> None:
        with cores.work():
            pass

    def never(seconds: float) -> bool:
        raise AssertionError(f"it waits, for up to {seconds} s")

    threads = [threading.Thread(target=consumer) for _ in range(2)]
    with cores.work():
        for one in threads:
            one.start()
        wait_until(lambda: cores.pressed)
        monkeypatch.setattr(cores._changed, "wait", never)
        with pytest.raises(Busy):
            Loan(cores).begin(1.0)
    for one in threads:
        one.join(10)
    assert not cores.pressed
    Loan(cores).begin(0)
