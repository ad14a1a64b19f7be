"""What a plan of a rollout looks like, said in the OpenAPI document as exactly as the store reads it.

Made from the store's own lists, so that neither says what the other does not. The store checks it and has the last
word: a zone must also be known to the machine that reads it.
"""

from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import WithJsonSchema

from store import preflight, scope

# the store's `strip()` leaves something of it
_SAID = r"[^\s\x1c-\x1f\x85]"
_NONE = {"type": "null"}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _or_none(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [wanted, _NONE]}


_NAMES = {
    "type": "array",
    "items": {"type": "string", "maxLength": 200, "pattern": _SAID},
    "maxItems": scope.MOST,
}
_DAYS = {"type": "array", "items": {"type": "string", "enum": list(scope.DAYS)}}
_TIMES = {
    "type": "array",
    "items": {
        "type": "array",
        "items": {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"},
        "minItems": 2,
        "maxItems": 2,
        # from 08:00 to 08:00 is no time at all
        "uniqueItems": True,
    },
    "maxItems": scope.MOST_WINDOWS,
}
# "localtime" is whatever it is where it is read
_ZONES = sorted(available_timezones() - {"localtime"})
_HOLD = {"type": "integer", "minimum": 1, "maximum": scope.LONGEST_HOLD}
_HELD = [
    {
        "required": ["hold_seconds", "at_limit"],
        "properties": {"hold_seconds": {"type": "integer"}, "at_limit": {"type": "string"}},
    },
    {"properties": {"hold_seconds": _NONE, "at_limit": _NONE}},
]
# days and times are local
_LOCAL = [
    {"required": ["zone"], "properties": {"zone": {"type": "string"}}},
    {"properties": {"days": {"maxItems": 0}, "times": {"maxItems": 0}}},
]
_SCOPE = _object(
    {
        **dict.fromkeys(("consumers", "segments", "subjects"), _NAMES),
        "days": _DAYS,
        "times": _TIMES,
        "zone": _or_none({"type": "string", "enum": _ZONES}),
        "expires_at": _or_none({"type": "string", "format": "date-time"}),
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "hold_seconds": _or_none(_HOLD),
        "at_limit": _or_none({"type": "string", "enum": list(scope.OUTCOMES)}),
    },
    allOf=[{"anyOf": _HELD}, {"anyOf": _LOCAL}],
)
_ANSWERS = _object(
    {
        name: {"type": "string", "maxLength": preflight.LONGEST, "description": question}
        for name, question in preflight.QUESTIONS.items()
    }
)
_TEXT = {"type": "string", "pattern": _SAID}
_RISK = _object(
    {
        "risk": _TEXT,
        "metric": {"type": "string", "enum": list(preflight.METRICS)},
        "alert": {"type": "string", "enum": list(preflight.ALERTS)},
        "owner": _TEXT,
    },
    required=["risk", "metric", "alert", "owner"],
)
_RISKS = {"type": "array", "items": _RISK, "maxItems": preflight.MOST_RISKS}
_STEPS = {
    "type": "array",
    "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "minItems": 1,
    "uniqueItems": True,
}

Scope = Annotated[dict[str, Any], WithJsonSchema(_SCOPE)]
Answers = Annotated[dict[str, str], WithJsonSchema(_ANSWERS)]
Risks = Annotated[list[dict[str, str]], WithJsonSchema(_RISKS)]
Steps = Annotated[list[float], WithJsonSchema(_STEPS)]
