"""The API, to be read by people: made from the document that programs read (`/openapi.json`), without any script."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from service.dependencies import MaybeSignedIn
from service.errors import MEDIA_TYPE
from service.pages.rendering import page

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Field:
    """A part of a request or of an answer."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True)
class Fault:
    """An error: its status, its code, and when it comes."""

    status: str
    code: str
    text: str


@dataclass(frozen=True)
class Call:
    """One method at one path."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    sent: list[Field]
    told: list[Field]
    faults: list[Fault]


@router.get("/docs")
def manual(request: Request, found: MaybeSignedIn) -> Response:
    """Everything that programs may call."""
    document = request.app.openapi()
    calls = [
        _call(document, path, method, said)
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]
    return page(request, "api.html", found, calls=calls, about=document["info"]["description"])


def _call(document: dict[str, Any], path: str, method: str, said: dict[str, Any]) -> Call:
    good = next(one for status, one in said["responses"].items() if status.startswith("2"))
    sent = [
        Field(one["name"], _kind(one["schema"]), one.get("required", False), _words(one))
        for one in said.get("parameters", [])
    ]
    return Call(
        anchor=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        text=said.get("description", ""),
        sent=sent + _fields(document, said.get("requestBody", {})),
        told=_fields(document, good),
        faults=[
            Fault(status, code, example["summary"])
            for status, one in said["responses"].items()
            for code, example in one.get("content", {})
            .get(MEDIA_TYPE, {})
            .get("examples", {})
            .items()
        ],
    )


def _fields(document: dict[str, Any], body: dict[str, Any]) -> list[Field]:
    """The fields of the first kind of content that a request or an answer has."""
    content: dict[str, Any] = next(iter(body.get("content", {}).values()), {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = document["components"]["schemas"].get(name, {})
    required = schema.get("required", [])
    return [
        Field(field, _kind(one), field in required, _words(one))
        for field, one in schema.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("contentMediaType") or schema.get("format") == "binary":
        return "file"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))


def _words(one: dict[str, Any]) -> str:
    return str(one.get("description") or one.get("schema", {}).get("description", ""))
