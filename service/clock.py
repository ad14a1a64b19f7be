"""What time it is, as something that is passed in: tests and replays bring their own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)
