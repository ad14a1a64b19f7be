import gc
import socket
from pathlib import Path

import psycopg
import pytest

from store import bounded


def test_a_server_that_lets_in_and_says_nothing_leaves_no_socket_behind() -> None:
    gc.collect()
    # what waits for the collector is left behind for as long as it does not come
    gc.disable()
    try:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            before = _sockets()
            port = silent.getsockname()[1]
            for _ in range(2):
                with pytest.raises(psycopg.OperationalError):
                    bounded.connect(1.0, host="127.0.0.1", port=port, connect_timeout=2)
            assert _sockets() == before
    finally:
        gc.enable()


def test_a_server_that_is_not_there_leaves_no_socket_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    gc.collect()
    gc.disable()
    try:
        before = _sockets()
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError):
                bounded.connect(1.0, host="127.0.0.1", port=port)
        assert _sockets() == before
    finally:
        gc.enable()


def _sockets() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
