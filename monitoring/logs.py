"""One JSON object per line on standard error. Never logged: keys, tokens, passwords, the bytes of pictures."""

import logging
import sys

import structlog


def configure() -> None:
    """Send what this process logs to standard error, the libraries' warnings too."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
