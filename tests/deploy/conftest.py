"""Ports that a started Ursa can take."""

import socket
from contextlib import ExitStack

import pytest


@pytest.fixture
def free_ports() -> int:
    """The first of three ports in a row that nobody listens on: the service's, and the two of the metrics."""
    for _ in range(100):
        with ExitStack() as held:
            first = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            try:
                for beside in (1, 2):
                    held.enter_context(socket.create_server(("127.0.0.1", first + beside)))
            except (OSError, OverflowError):
                continue
            return int(first)
    pytest.fail("there are no three free ports in a row")
