"""A real nginx on loopback, writing into a folder of its own; whoever starts it says what stands in its `http` block.

Beside it what every server that a test starts needs: ports that are free, and waiting until somebody listens.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_FRAME = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/inside.conf;
}}
"""


def is_there() -> bool:
    """Whether this machine has nginx."""
    return _program() is not None


@contextmanager
def nginx(folder: Path, port: int, inside: str) -> Iterator[None]:
    """Listens on the port that `inside` names until the end of the block; writes into `folder` alone, which is new."""
    program = _program()
    assert program is not None
    folder.mkdir()
    (folder / "inside.conf").write_text(inside)
    # as whoever runs the tests: another user could not write into their folder
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_FRAME.format(folder=folder, user=user))
    with running([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]):
        wait_for(port)
        yield


@contextmanager
def running(words: Sequence[str], user: str | None = None) -> Iterator[None]:
    """A program that runs until the end of the block, as `user` where one is named."""
    groups: list[str] | None = [] if user else None
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, user=user, group=user, extra_groups=groups
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, seconds: float = 20.0) -> None:
    """Until somebody listens on a port of this machine; fails when nobody does in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens on port {port}")


def free_ports(many: int) -> list[int]:
    """Ports of this machine on which nobody listens now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(many)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
