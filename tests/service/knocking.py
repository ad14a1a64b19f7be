"""At the service's door with bare sockets: what is sent half, slowly or too much, and a house that is full."""

import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from service import metrics
from tests.service.serving import Serving
from tests.toy import draw

UNREAD = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"


def send(client: httpx.Client, image: bytes | None = None, **headers: str) -> httpx.Response:
    return client.post(
        "/v1/predictions", files={"image": ("a.png", image or draw(0, 1))}, headers=headers
    )


@contextmanager
def full_house(served: Serving) -> Iterator[None]:
    """Every core is taken, and as many pictures wait as may."""
    cores, settings = served.program.cores, served.settings
    room = min(settings.inside_limit, settings.cores * settings.queue_per_core)
    with ExitStack() as stack:
        client = stack.enter_context(served.http("who waits"))
        waiting = [threading.Thread(target=send, args=(client,)) for _ in range(room)]
        # before the cores come free they cannot end
        for one in waiting:
            stack.callback(one.join)
        for _ in range(settings.cores):
            stack.enter_context(cores.work())
        for one in waiting:
            one.start()
        while not cores.full and inside() < settings.inside_limit:
            pass
        yield


def inside() -> float:
    """Pictures that are being worked on."""
    return metrics.REGISTRY.get_sample_value("ursa_predictions_inside") or 0.0


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed, or reset, the connection."""
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def send_on(connection: socket.socket, part: bytes, times: int, milliseconds: int = 0) -> None:
    """Send the same again and again; what is sent to a connection that is no more raises ConnectionError."""
    ends = select.poll()
    ends.register(connection, select.POLLHUP | select.POLLERR)
    for _ in range(times):
        ends.poll(milliseconds)
        connection.sendall(part)


def begin(served: Serving, size: int) -> socket.socket:
    """An upload that has only announced its size, and was let in."""
    connection = open_request(
        served, f"Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")
    return connection


def open_request(served: Serving, rest: bytes) -> socket.socket:
    head = (
        f"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key()}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n"
    )
    return connect(served, head.encode() + rest)


def connect(served: Serving, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port(served)), timeout=20)
    connection.sendall(sent)
    return connection


def port(served: Serving) -> int:
    return int(served.url.rsplit(":", 1)[1])


def exchange(port: int, target: str, *lines: str, body: bytes = b"", method: str = "GET") -> bytes:
    """The whole answer to a request whose target nobody has put in order."""
    lines += ("Host: x", "Connection: close", f"Content-Length: {len(body)}")
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", ""))
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode("latin-1") + body)
        while part := connection.recv(65536):
            received += part
    return received


def status(answer: bytes) -> int:
    """The status of a whole answer."""
    return int(answer.split(b" ")[1])


def raw(served: Serving, rest: bytes) -> dict[str, Any]:
    return told(open_request(served, rest))


def told(connection: socket.socket) -> dict[str, Any]:
    """The problem that a connection was answered with."""
    received = b""
    with connection:
        while b"}" not in received:
            part = connection.recv(65536)
            if not part:
                break
            received += part
    problem: dict[str, Any] = json.loads(received.partition(b"\r\n\r\n")[2])
    return problem
