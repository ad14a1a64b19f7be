"""How errors are described in the OpenAPI document: each status with the codes that it may carry."""

from typing import Any

from pydantic import BaseModel, Field

from service.errors import MEDIA_TYPE


class ProblemDetails(BaseModel):
    """RFC 9457. `code` is what programs should look at; more members may be there."""

    type: str = Field(examples=["urn:ursa:problem:bad_picture"])
    title: str
    status: int
    detail: str = Field(description="A sentence for people.")
    code: str
    request_id: str | None = Field(description="Also in the header X-Request-ID.")
    reason: str | None = Field(
        default=None, description="With `bad_picture`: what is wrong with it."
    )


EVERYWHERE = {
    400: {"bad_request": "The body cannot be read as what it says to be."},
    401: {"no_key": "No API key.", "unknown_key": "An unknown or revoked key."},
    408: {"too_slow": "The body did not arrive in time."},
    413: {"too_large": "The request is larger than allowed."},
    415: {"unsupported_charset": "The Content-Type names another charset than UTF-8."},
    422: {"invalid_request": "A field is missing or malformed; `errors` says which."},
    429: {"too_fast": "Over the rate; wait for Retry-After seconds."},
    500: {"internal_error": "A fault here; nothing was kept that you were not told of."},
    503: {
        "database_unavailable": "Nothing can be kept now; wait for Retry-After seconds.",
        "disk_full": "The disk of the database is full.",
    },
}


def problems(more: dict[int, dict[str, str]] | None = None) -> dict[int | str, dict[str, Any]]:
    """`responses` for a route: what every route may refuse with, and what this one adds."""
    merged = {status: dict(codes) for status, codes in EVERYWHERE.items()}
    for status, codes in (more or {}).items():
        merged.setdefault(status, {}).update(codes)
    return {status: _described(status, codes) for status, codes in sorted(merged.items())}


def _described(status: int, codes: dict[str, str]) -> dict[str, Any]:
    examples = {
        code: {
            "summary": sentence,
            "value": {
                "type": f"urn:ursa:problem:{code}",
                "title": "...",
                "status": status,
                "detail": sentence,
                "code": code,
                "request_id": "5f0c...",
            },
        }
        for code, sentence in codes.items()
    }
    described: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {sentence}" for code, sentence in codes.items()),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                "examples": examples,
            }
        },
    }
    if status in (429, 503):
        described["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}
        }
    return described
