"""What a program logs: one JSON object per line on standard error, from this code and the libraries alike.

Never logged: keys, tokens, passwords, the bytes of pictures, the addresses of webhooks (which hold tokens).
"""

import logging
import sys
from typing import Any

import structlog


def configure(libraries: int = logging.WARNING) -> None:
    """Send everything that is logged in this process one way; from the libraries what is of this level or above."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=libraries, force=True)
    # it tells at every look at the schema which database it is, and they every address that something is sent to
    for talkative in ("alembic", "httpx", "httpcore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
