"""A receiver of webhooks as a consumer would write one: it checks the signature and knows a repetition by its id.

And one as nobody should: it answers in drips, each in time, and is not done for long.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer

from service.delivering import signature


@dataclass
class Receiver:
    """What arrived. `accepted` are the events by id, each once; `arrivals` every request that was signed rightly."""

    secret: str = ""
    url: str = ""
    status: int = 200
    accepted: dict[str, bytes] = field(default_factory=dict)
    arrivals: list[tuple[str, bytes]] = field(default_factory=list)
    forged: int = 0
    # while it is set, a request is taken and never answered
    silent: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, identity: str, timestamp: str, signed: str, body: bytes) -> int:
        """The status of the answer."""
        with self.lock:
            if signed != signature(self.secret, identity, int(timestamp), body):
                self.forged += 1
                return 401
            self.arrivals.append((identity, body))
            if self.status == 200:
                self.accepted.setdefault(identity, body)
            return self.status


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that listens on this machine."""
    taking = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = self.headers
            status = taking.take(
                told["Webhook-Id"], told["Webhook-Timestamp"], told["Webhook-Signature"], body
            )
            if taking.silent.is_set():
                taking.over.wait()
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    taking.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield taking
    finally:
        taking.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Dripping:
    """Says `first`, then `drip` fifty times a second for six seconds, then `last`; reads the request as slowly."""

    first: bytes
    drip: bytes
    last: bytes = b""
    secret: str = ""
    url: str = ""
    # the sender has broken it off
    gone: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def dripping(how: Dripping) -> Iterator[Dripping]:
    """One that listens on this machine, as often as it is asked."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            line = self.request
            try:
                line.sendall(how.first)
                for _ in range(300):
                    if how.over.wait(0.02):
                        return
                    line.sendall(how.drip)
                    if how.drip == b"" and line.recv(1 << 16) == b"":
                        how.gone.set()
                        return
                line.sendall(how.last)
            except OSError:
                how.gone.set()

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    how.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield how
    finally:
        how.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
