"""nginx and PgBouncer with the configuration that `deploy/` holds, on ports of a test's own."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import lacking
from tests.journeys.programs import ROOT
from tests.journeys.proxy import is_there, running, wait_for


def before(services: Sequence[int], port: int) -> str:
    """`deploy/nginx/ursa.conf` in front of services on these ports."""
    if not is_there():
        lacking("nginx")
    text = (ROOT / "deploy/nginx/ursa.conf").read_text()
    ports = iter(services)
    text = re.sub(r"(server 127\.0\.0\.1:)\d+", lambda found: f"{found[1]}{next(ports)}", text)
    assert next(ports, None) is None  # it names as many services as there are
    return text.replace("listen 8000;", f"listen 127.0.0.1:{port};")


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
        with running(["pgbouncer", "-q", str(readable)], user):
            wait_for(port)
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/ursa"
    finally:
        readable.unlink()
