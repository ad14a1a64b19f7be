"""nginx and PgBouncer with the configuration that `deploy/` holds, on ports of a test's own."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import lacking
from tests.journeys.programs import ROOT

_NGINX = """\
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/ursa.conf;
}}
"""


def free_ports(many: int) -> list[int]:
    """Ports of this machine on which nobody listens now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(many)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def nginx(folder: Path, port: int, services: Sequence[int]) -> Iterator[None]:
    """`deploy/nginx/ursa.conf` in front of services on these ports."""
    if shutil.which("nginx") is None:
        lacking("nginx")
    folder.mkdir()
    text = (ROOT / "deploy/nginx/ursa.conf").read_text()
    ports = iter(services)
    text = re.sub(r"(server 127\.0\.0\.1:)\d+", lambda found: f"{found[1]}{next(ports)}", text)
    assert next(ports, None) is None  # it names as many services as there are
    (folder / "ursa.conf").write_text(text.replace("listen 8000;", f"listen 127.0.0.1:{port};"))
    # as whoever runs the tests: another user could not write into their folder
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user))
    with _running(["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]):
        _wait_for(port)
        yield


@contextmanager
def pooler(folder: Path, port: int, postgres: int, *, used: bool) -> Iterator[str]:
    """The URL of the database: through `deploy/pgbouncer/pgbouncer.ini` if it is used, else the server's own."""
    if not used:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{postgres}/postgres"
        return
    if shutil.which("pgbouncer") is None:
        lacking("PgBouncer")
    text = (ROOT / "deploy/pgbouncer/pgbouncer.ini").read_text()
    for said, meant in (
        ("port=5432 dbname=ursa", f"port={postgres} dbname=postgres"),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("auth_type = scram-sha-256", "auth_type = any"),
        ("auth_file = /etc/pgbouncer/userlist.txt", ""),
        ("ursa = host=127.0.0.1", "ursa = host=127.0.0.1 user=postgres"),
    ):
        assert said in text
        text = text.replace(said, meant)
    file = folder / "pgbouncer.ini"
    file.write_text(text)
    # it refuses to run as root
    user = "postgres" if os.geteuid() == 0 else None
    readable = Path("/tmp") / f"ursa-pgbouncer-{port}.ini"  # noqa: S108  # where that user may read it
    shutil.copyfile(file, readable)
    try:
        with _running(["pgbouncer", "-q", str(readable)], user):
            _wait_for(port)
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/ursa"
    finally:
        readable.unlink()


@contextmanager
def _running(words: Sequence[str], user: str | None = None) -> Iterator[None]:
    groups: list[str] | None = [] if user else None
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, user=user, group=user, extra_groups=groups
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens on port {port}")
