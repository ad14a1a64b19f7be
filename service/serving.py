"""Start the web process: one worker that listens, or one sentence that says why it does not.

What can be wrong is looked at before the server starts, so that nobody has to read a trace. More capacity is more
of these processes; nothing is shared between them but the database and the storage.
"""

import ctypes
import logging
import resource
import signal
import socket
import sys
from contextlib import suppress

import structlog
import uvicorn

from service.app import create_app
from service.connections import Server, connection_class
from service.program import preflight
from service.settings import Settings
from service.turning_away import turn_away
from store import logs
from store.errors import Unavailable

# files that a process needs beside its connections: database, pictures, libraries
OTHER_FILES = 256
# what takes as much at once is given back to the system when it is done with, and beyond so much what was taken in pieces
LARGE_BYTES, SPARE_BYTES = 4 * 2**20, 4 * 2**20
# as malloc.h of glibc numbers them
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

_log = structlog.get_logger()


def serve(settings: Settings) -> None:
    """Answer until SIGINT or SIGTERM; requests in flight are answered first.

    Raises a StoreError with one sentence.
    """
    preflight(settings)
    _give_back_what_is_large()
    with _listening(settings.host, settings.port) as listener:
        logs.configure(logging.INFO)
        host, port = listener.getsockname()[:2]
        _log.info("serving", host=host, port=port)
        app = create_app(settings)
        server = Server(
            uvicorn.Config(
                app,
                http=connection_class(
                    _connections(settings.connections), settings.upload_seconds, turn_away(app)
                ),
                # a connection that becomes another kind of one would be past all of its limits
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=settings.stop_seconds,
            ),
            leave=lambda: setattr(app.state, "leaving", True),
            drain_seconds=settings.drain_seconds,
        )
        for asked in (signal.SIGINT, signal.SIGTERM):
            # the server raises the signal again when it has stopped in order: a stop that was asked for is no failure
            signal.signal(asked, _end)
        server.run(sockets=[listener])
    if not server.started:
        raise Unavailable(
            "The web process could not start: the lines above say why.", "not_started"
        )


def _connections(wanted: int) -> int:
    """As many as were asked for, if the system lets this process have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        # the lower one is kept for programs that cannot wait for many files; this one can
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, min(wanted, hard - OTHER_FILES))


def _give_back_what_is_large() -> None:
    """Let what takes much memory for a moment, such as a large upload, be the system's again when it is done with: else glibc
    would keep as much for the next one, in pieces, once for each thread.
    """
    with suppress(OSError, AttributeError):  # there are other libraries
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, SPARE_BYTES)


def _end(*_: object) -> None:
    sys.exit(0)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Port {port} of {host} cannot be used ({(error.strerror or str(error)).lower()}):"
            " URSA_PORT names another.",
            "port",
        ) from error
    return listener
