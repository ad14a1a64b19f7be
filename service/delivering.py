"""Deliver what waits in the outbox: signed, to addresses that are not our own network, again until it is accepted.

Order: is the address allowed, sign, send, record. One of several workers claims a delivery as a job; whoever dies in
between leaves it to the next one, with the same id and bytes. Redirects are not followed: the address was looked at,
the next one was not. Signed as Standard Webhooks asks for: HMAC-SHA256 over id, time and body. A try has an end that the
other side cannot put off, and a webhook whose try took long lets the others go first.
"""

import base64
import hashlib
import hmac
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import structlog

from service import metrics
from store import jobs, webhooks
from store.database import Database
from store.errors import Invalid, StoreError
from store.jobs import Claimed, Hold
from store.webhooks import Parcel

# of one try, in all: the name, the connection, TLS, sending and the head of the answer
DEADLINE_SECONDS = 15.0
# of silence
TIMEOUT_SECONDS = 10.0
# a try that took longer was slow
SLOW_SECONDS = 1.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# RFC 6052 and RFC 4291, 2.5.5.1: the last 32 bits are an address of version 4
_TRANSLATED, _COMPATIBLE = ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96")
_Found = list[tuple[Any, ...]]
_looking: dict[tuple[str, int], "Future[_Found]"] = {}
_looking_lock = threading.Lock()
_log = structlog.get_logger("webhooks")


class NotAccepted(Exception):
    """Why a delivery has to be tried again."""


def check(url: str, private: bool) -> SplitResult:
    """Raises Invalid for an address to which nothing is sent: it must be https, or of this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"{url} is not an address.", "webhook_url") from error
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or port == 0
    ):
        raise Invalid(
            "A webhook's address is https://HOST/PATH, without a name in it.", "webhook_url"
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not private:
        raise Invalid("A webhook's address must be https, or of this machine.", "webhook_url")
    return parts


def resolve(parts: SplitResult, private: bool) -> str:
    """The address that the host has now. Raises NotAccepted when it lies in our own network and may not.

    Sent to is this very address, so that a name cannot point elsewhere between the look and the sending.
    """
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = _look_up(host, port).result(DEADLINE_SECONDS)
    except TimeoutError as error:
        raise NotAccepted(f"{host} was not found within {DEADLINE_SECONDS:g} s") from error
    # a name that is none, with a part that is empty or too long, is no text of a name to it
    except (OSError, UnicodeError) as error:
        raise NotAccepted(f"{host} has no address: {error}") from error
    addresses = [ipaddress.ip_address(str(one[4][0])) for one in found]
    for address in addresses:
        own = address.is_loopback and host in _LOOPBACK
        if address.is_multicast or not (private or own or _is_outside(address)):
            raise NotAccepted(f"{host} is {address}, which is not an address of the outside")
    return str(addresses[0])


def _look_up(host: str, port: int) -> "Future[_Found]":
    """In a thread that ends when the resolver gives up, one for each name: a lookup cannot be broken off."""
    with _looking_lock:
        if (looking := _looking.get((host, port))) is None:
            looking = Future()
            threading.Thread(
                target=_ask, args=(host, port, looking), name="look-up", daemon=True
            ).start()
            _looking[host, port] = looking
    return looking


def _ask(host: str, port: int, looking: "Future[_Found]") -> None:
    found: _Found = []
    failed: Exception | None = None
    try:
        found = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except Exception as error:  # noqa: BLE001  # whatever it was is raised where it is waited for
        failed = error
    with _looking_lock:
        del _looking[host, port]
    if failed is None:
        looking.set_result(found)
    else:
        looking.set_exception(failed)


def _is_outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global
    # an older address inside a newer one leads to where the older one does
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and (address in _TRANSLATED or address in _COMPATIBLE):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return inner.is_global
    return address.is_global and not address.is_site_local


def signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`, keyed by the secret behind `whsec_`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def send(client: httpx.Client, parcel: Parcel, now: datetime, private: bool) -> str:
    """Send once; what was said. Raises NotAccepted, within DEADLINE_SECONDS whatever the other side does."""
    until = time.monotonic() + DEADLINE_SECONDS
    parts = check(parcel.url, private)
    address = resolve(parts, private)
    body, timestamp = parcel.body.encode(), int(now.timestamp())
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "User-Agent": "ursa-webhooks",
        # each try has its own, which its end can cut
        "Connection": "close",
        "Webhook-Id": parcel.delivery_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": signature(parcel.secret, parcel.delivery_id, timestamp, body),
    }
    url = httpx.URL(parcel.url).copy_with(host=address)
    timeout = min(TIMEOUT_SECONDS, _left(until))
    try:
        # the answer's body is nothing to us, and may be endless
        with (
            _cut_at(until) as trace,
            client.stream(
                "POST",
                url,
                content=body,
                headers=headers,
                timeout=timeout,
                extensions={"sni_hostname": parts.hostname, "trace": trace},
            ) as response,
        ):
            status = response.status_code
    except httpx.HTTPError as error:
        said = f"{type(error).__name__}: {error}"
        if time.monotonic() >= until:
            said = f"no answer within {DEADLINE_SECONDS:g} s"
        raise NotAccepted(said) from error
    if not 200 <= status < 300:
        raise NotAccepted(f"HTTP {status}")
    return f"HTTP {status}"


@contextmanager
def _cut_at(until: float) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """A trace for httpx under which a connection ends at `until`: its timeouts begin anew with each byte."""
    with ExitStack() as held:

        def trace(event: str, told: dict[str, Any]) -> None:
            if event != "connection.connect_tcp.complete":
                return
            # a second handle of the connection: TLS takes the first one's away
            line = held.enter_context(told["return_value"].get_extra_info("socket").dup())
            timer = threading.Timer(_left(until), _cut, [line])
            timer.daemon = True
            timer.start()
            held.callback(timer.join)
            held.callback(timer.cancel)

        yield trace


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        line.shutdown(socket.SHUT_RDWR)


def _left(until: float) -> float:
    """Seconds; never 0, which would mean not to wait at all."""
    return max(until - time.monotonic(), 0.001)


class Deliveries:
    """A worker that delivers until it is stopped; run as many as are needed, in as many processes."""

    def __init__(
        self, database: Database, worker: str, clock: Callable[[], datetime], private: bool
    ) -> None:
        self._database, self._worker, self._clock, self._private = database, worker, clock, private
        self._client = httpx.Client(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
        )

    def run(self, stop: threading.Event, idle_seconds: float = 1.0) -> None:
        """Deliver what is due, until `stop` is set."""
        with self._client:
            while not stop.is_set():
                if not self._tried():
                    stop.wait(idle_seconds)

    def turn(self) -> bool:
        """Try one delivery that is due; whether there was one."""
        now = self._clock()
        try:
            with self._database.read() as session:
                if not webhooks.is_due(session, now):
                    return False
            job = jobs.claim(self._database, [webhooks.JOB], self._worker, now)
        except StoreError:
            return False  # the database is away for a moment
        if job is None:
            return False
        jobs.do(self._database, job, self._deliver, self._clock)
        return True

    def _tried(self) -> bool:
        try:
            return self.turn()
        except Exception:  # noqa: BLE001  # a receiver or a failure that nobody foresaw must not end the deliveries
            _log.exception("delivery failed")
            return False

    def _deliver(self, job: Claimed, hold: Hold) -> None:
        with self._database.read() as session:
            parcel = webhooks.parcel(session, job.payload["delivery_id"])
        if parcel is None:
            with self._database.write() as session:
                jobs.finish(session, job, {"skipped": "nothing to send"}, self._clock())
            return
        hold.check()
        began = self._clock()
        try:
            self._send(job, parcel)
        finally:
            self._let_others_first(job, began)

    def _send(self, job: Claimed, parcel: Parcel) -> None:
        try:
            said = send(self._client, parcel, self._clock(), self._private)
        except Exception as error:
            # whatever it was: a delivery that is tried no more must not wait for ever
            self._refused(job, str(error) or type(error).__name__)
            raise
        with self._database.write() as session:
            webhooks.accepted(session, job, said, self._clock())
        metrics.DELIVERIES.labels("accepted").inc()

    def _refused(self, job: Claimed, said: str) -> None:
        metrics.DELIVERIES.labels("refused").inc()
        _log.warning(
            "not accepted", delivery=job.payload["delivery_id"], attempt=job.attempt, why=said
        )
        with self._database.write() as session:
            webhooks.refused(session, job, said, self._clock())

    def _let_others_first(self, job: Claimed, began: datetime) -> None:
        """After a slow try its webhook's turn is behind all that others wait for by then."""
        now = self._clock()
        if (now - began).total_seconds() > SLOW_SECONDS:
            with self._database.write() as session:
                webhooks.let_others_first(session, job.payload["delivery_id"], now)
