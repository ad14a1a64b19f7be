"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by a Unix socket, gone at the end.

It listens on no port, so that it never meets a server that is already there.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# nothing here outlives the run: what makes a server safe against power cuts only costs time
_THROW_AWAY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def programs() -> Path | None:
    """The folder that holds initdb and pg_ctl, or None where PostgreSQL's server is not installed."""
    folders = [Path(found).resolve().parent for found in (shutil.which("initdb"),) if found]
    pg_config = shutil.which("pg_config")
    if pg_config:
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        folders.append(Path(asked.stdout.strip()))
    folders.extend(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


@contextmanager
def server(bin_folder: Path) -> Iterator[str]:
    """Start a server and yield the URL of its database `postgres`, as SQLAlchemy writes it."""
    # a short path: a Unix socket's name holds about 100 bytes
    folder = Path(tempfile.mkdtemp(prefix="ursa-pg-"))
    # the server refuses to run as root
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def call(*arguments: str) -> None:
        done = subprocess.run(
            [str(bin_folder / arguments[0]), *arguments[1:]],
            cwd=folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            log = folder / "log"
            raise RuntimeError(done.stdout + (log.read_text() if log.exists() else ""))

    data = str(folder / "data")
    try:
        call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c max_connections=200 {_THROW_AWAY}"
        call("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)
