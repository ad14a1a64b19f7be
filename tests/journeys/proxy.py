"""A real nginx before several services on loopback, with the configuration that a test or a measurement gives it."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# as whoever started it: another user could not write into the folder
# kept connections to the services, bodies read first, and no second try of what was handed over: a picture that was
# sent twice would be kept twice
_CONFIGURATION = """
daemon off;
user {user};
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream ursa {{
        least_conn;
        {servers}
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 21m;
        location / {{
            proxy_pass http://ursa;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


def is_there() -> bool:
    """Whether this machine has nginx."""
    return _program() is not None


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[int]:
    """Answers on the port that is given until the end of the block; writes into `folder` alone."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    servers = "\n        ".join(f"server 127.0.0.1:{one} max_fails=0;" for one in ports)
    (folder / "nginx.conf").write_text(
        _CONFIGURATION.format(servers=servers, port=port, user=getpass.getuser())
    )
    program = _program()
    assert program is not None
    running = subprocess.Popen(
        [program, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, running)
        yield port
    finally:
        running.terminate()
        running.wait(20)


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def _wait(port: int, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and running.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx did not start")
