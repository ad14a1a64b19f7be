"""Where a candidate may answer: a written scope, checked when it is written and asked about each request.

Order: `parse` what people wrote, keep `as_kept` in the rollout's row, ask `covers` with the clock's moment at every
request, show `words`. Pure: no SQL, no clock, no draw of its own. It never guesses: a request that lacks what a
scope asks for is outside it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from store.draws import draw
from store.errors import Invalid

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# what becomes of a held answer that nobody looked at in time
OUTCOMES = ("incumbent", "candidate", "people")
MOST = 10_000  # names in one list: a scope is read by people and travels with every event
MOST_WINDOWS = 100  # each is asked about at every request
LONGEST_HOLD = 30 * 24 * 3600
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")
_LISTS = ("consumers", "segments", "subjects")
_KEYS = (*_LISTS, "days", "times", "zone", "expires_at", "share", "hold_seconds", "at_limit")


@dataclass(frozen=True)
class Requested:
    """What a scope may ask about one request. `consumer` is a name; the others are the consumer's own words."""

    consumer: str
    segment: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Window:
    """A stretch of the local day, `start` included, `end` not; one that ends before it starts runs into the next."""

    start: time
    end: time


@dataclass(frozen=True)
class Scope:
    """Every condition that is given must hold; an empty list asks for nothing.

    `days` count from Monday 0, and a window that runs over midnight belongs to the day on which it starts. `share`
    is of the subjects that the other conditions leave. With `hold_seconds` each answer waits that long for a person;
    then `at_limit` says whose answer is given (`people`: it goes on waiting).
    """

    consumers: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    days: frozenset[int] = frozenset()
    windows: tuple[Window, ...] = ()
    zone: str = "UTC"
    expires_at: datetime | None = None
    share: float = 1.0
    hold_seconds: int | None = None
    at_limit: str = "people"

    def covers(self, asked: Requested, at: datetime) -> bool:
        """Whether the request is inside at this moment (aware), all but the share."""
        if self.expires_at is not None and at >= self.expires_at:
            return False
        if self.consumers and asked.consumer not in self.consumers:
            return False
        if self.segments and asked.segment not in self.segments:
            return False
        if self.subjects and asked.subject not in self.subjects:
            return False
        return not (self.days or self.windows) or self._open(at)

    @property
    def limits_nothing(self) -> bool:
        """Whether it covers every request for good, and no person looks before an answer is given."""
        asks = (self.consumers, self.segments, self.subjects, self.days, self.windows)
        ends = self.expires_at is not None or self.share < 1 or self.hold_seconds is not None
        return not any(asks) and not ends

    def _open(self, at: datetime) -> bool:
        # the wall clock of the place: whatever a clock change does to it, each moment has one reading
        local = at.astimezone(ZoneInfo(self.zone))
        today, now = local.weekday(), local.time()
        if not self.windows:
            return today in self.days
        for window in self.windows:
            if window.start < window.end:
                inside, day = window.start <= now < window.end, today
            else:
                inside = now >= window.start or now < window.end
                day = today if now >= window.start else (today - 1) % 7
            if inside and (not self.days or day in self.days):
                return True
        return False

    def as_kept(self) -> dict[str, Any]:
        """For JSON: what was given and nothing else; `parse` reads it back to the same scope."""
        kept: dict[str, Any] = {name: sorted(getattr(self, name)) for name in _LISTS}
        kept["days"] = [DAYS[day] for day in sorted(self.days)]
        kept["times"] = [[f"{one.start:%H:%M}", f"{one.end:%H:%M}"] for one in self.windows]
        kept["zone"] = self.zone if self.days or self.windows else None
        kept["expires_at"] = self.expires_at.isoformat() if self.expires_at else None
        kept["share"] = self.share if self.share < 1 else None
        kept["hold_seconds"] = self.hold_seconds
        kept["at_limit"] = self.at_limit if self.hold_seconds else None
        return {name: value for name, value in kept.items() if value not in (None, [])}


# covers no request: what stands in place of a scope that can no longer be read
NOWHERE = Scope(expires_at=datetime(1970, 1, 1, tzinfo=UTC))


def drawn(secret_key: str, rollout_id: str, unit: str, share: float) -> bool:
    """Whether a unit (the subject; without one the request itself) is among the `share` of this rollout.

    One fixed number for each unit of a rollout: a larger share takes more units in and lets none go. Another
    rollout draws anew, so that it is not always the same subjects who meet a new model first.
    """
    return share > 0 and draw(secret_key, "routing", f"{rollout_id}|{unit}") < share


def parse(given: Mapping[str, Any]) -> Scope:
    """Raises Invalid (code `scope`) with one sentence that names what is wrong."""
    if unknown := sorted(set(given) - set(_KEYS)):
        raise _wrong(f"A scope knows no {', '.join(unknown)}; it knows {', '.join(_KEYS)}.")
    share = given.get("share", 1.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise _wrong("The share must be above 0 and at most 1.")
    hold, at_limit = given.get("hold_seconds"), given.get("at_limit")
    if hold is not None and (
        isinstance(hold, bool) or not isinstance(hold, int) or not 0 < hold <= LONGEST_HOLD
    ):
        raise _wrong(f"hold_seconds must be a whole number from 1 to {LONGEST_HOLD} (30 days).")
    if hold is not None and at_limit not in OUTCOMES:
        raise _wrong(f"A scope that holds answers says at_limit: one of {', '.join(OUTCOMES)}.")
    if hold is None and at_limit is not None:
        raise _wrong("at_limit needs hold_seconds.")
    windows, days = _windows(given.get("times", [])), _days(given.get("days", []))
    zone = given.get("zone")
    named = _zone(zone) if zone is not None else "UTC"
    if (windows or days) and zone is None:
        raise _wrong("Days and times are local: say the zone, such as Europe/Berlin.")
    return Scope(
        consumers=_names(given, "consumers"),
        segments=_names(given, "segments"),
        subjects=_names(given, "subjects"),
        days=days,
        windows=windows,
        # of no use without days or times, and not kept then
        zone=named if windows or days else "UTC",
        expires_at=_moment(given.get("expires_at")),
        share=float(share),
        hold_seconds=hold,
        at_limit=at_limit or "people",
    )


def kept(value: Mapping[str, Any]) -> Scope:
    """A scope from a row. One that this machine cannot read (a zone it does not know) covers nothing."""
    try:
        return parse(value)
    except Invalid:
        return NOWHERE


def words(scope: Scope) -> str:
    """The scope as a sentence for people."""
    parts = [
        f"{name[:-1] if len(listed) == 1 else name} {_listed(sorted(listed))}"
        for name in _LISTS
        if (listed := getattr(scope, name))
    ]
    if scope.share < 1:
        of = " of them" if parts else " of all subjects"
        parts.append(f"{100 * scope.share:g} %{of}")
    if scope.days:
        parts.append("on " + _listed([DAYS[day].capitalize() for day in sorted(scope.days)]))
    if scope.windows:
        times = [f"{one.start:%H:%M} to {one.end:%H:%M}" for one in scope.windows]
        parts.append(_listed(times))
    sentence = ", ".join(parts) if parts else "every request"
    if scope.days or scope.windows:
        sentence += f" ({scope.zone} time)"
    if scope.expires_at is not None:
        sentence += f", until {scope.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if scope.hold_seconds is not None:
        sentence += f"; each answer waits up to {_span(scope.hold_seconds)} for a person, then "
        sentence += {
            "incumbent": "the answer of the model before is given",
            "candidate": "the candidate's answer is given",
            "people": "it goes on waiting",
        }[scope.at_limit]
    return sentence[0].upper() + sentence[1:] + "."


def _names(given: Mapping[str, Any], name: str) -> frozenset[str]:
    value = given.get(name, [])
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MOST:
        raise _wrong(f"{name} must be a list of at most {MOST} names.")
    if not all(isinstance(one, str) and one.strip() and len(one) <= 200 for one in value):
        raise _wrong(f"{name} must hold names of 1 to 200 characters.")
    return frozenset(value)


def _days(value: Any) -> frozenset[int]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong("days must be a list.")
    for one in value:
        if one not in DAYS:
            raise _wrong(f"There is no day {one!r}: it is one of {', '.join(DAYS)}.")
    return frozenset(DAYS.index(one) for one in value)


def _windows(value: Any) -> tuple[Window, ...]:
    shape = 'times must be a list of pairs such as ["08:00", "18:00"].'
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong(shape)
    if len(value) > MOST_WINDOWS:
        raise _wrong(f"times must be at most {MOST_WINDOWS} pairs.")
    windows = []
    for pair in value:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise _wrong(shape)
        start, end = (_time(one) for one in pair)
        if start == end:
            raise _wrong(f"The time from {pair[0]} to {pair[1]} is empty.")
        windows.append(Window(start, end))
    return tuple(windows)


def _time(value: Any) -> time:
    try:
        hour, minute = _TIME.fullmatch(value).groups()  # type: ignore[union-attr]  # caught below
        return time(int(hour), int(minute))
    except (TypeError, ValueError, AttributeError) as error:
        raise _wrong(f"{value!r} is no time of day such as 08:00.") from error


def _zone(value: Any) -> str:
    if value == "localtime":  # whatever that is where it is read
        raise _wrong("The zone must have a name; one is Europe/Berlin.")
    try:
        return ZoneInfo(value).key
    except Exception as error:  # the library raises many kinds for what is no zone
        raise _wrong(f"There is no time zone {value!r}; one is Europe/Berlin.") from error


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _wrong(f"{value!r} is no moment such as 2026-05-01T18:00:00+02:00.") from error
    if moment.tzinfo is None:
        raise _wrong("expires_at needs its zone, such as 2026-05-01T18:00:00+02:00.")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # at either end of the calendar
        raise _wrong(f"{value!r} is no moment such as 2026-05-01T18:00:00+02:00.") from error


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:5]) + ([f"{len(names) - 5} more"] if len(names) > 5 else [])
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def _span(seconds: int) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, "scope")
