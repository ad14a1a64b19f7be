"""Signals sent to this very process, so that their moment is known exactly."""

import os
import signal
from collections.abc import Iterator

import pytest

from deploy.stopping import SIGNALS, deferred, on_signals


class _Stopped(BaseException):
    pass


def _stop(*_: object) -> None:
    raise _Stopped


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # the tests themselves may run under nohup
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_stop_in_a_deferred_block_waits_for_its_end(number: signal.Signals) -> None:
    on_signals(_stop)
    steps = []

    def interrupted() -> None:
        with deferred():
            os.kill(os.getpid(), number)
            steps.append("went on")

    with pytest.raises(_Stopped):
        interrupted()
    assert steps == ["went on"]
    with pytest.raises(_Stopped):
        os.kill(os.getpid(), number)


def test_what_nohup_ignored_stays_ignored_in_a_deferred_block() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    on_signals(_stop)
    with deferred():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
