"""Every place that takes a text, read off the application itself, and how to put a word there."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

# a place in a body: names and numbers on the way to it; KEY is the name itself
KEY = "*"
Place = tuple[str | int, ...]


def encoded(word: str) -> bytes:
    """As bytes, for a form or an address, where half a character can stand too."""
    return word.encode("utf-8", "surrogatepass")


def in_address(word: str) -> str:
    """As a part of an address."""
    return quote(encoded(word), safe="")


def form(fields: dict[str, str]) -> bytes:
    """A form as browsers send it, which holds also what is no text."""
    return "&".join(
        f"{in_address(name)}={in_address(one)}" for name, one in fields.items()
    ).encode()


def parts(fields: dict[str, str], image: bytes, file_name: str) -> bytes:
    """A form with a file in it; its boundary is `b`."""
    made = b""
    for name, one in fields.items():
        made += b'--b\r\nContent-Disposition: form-data; name="' + encoded(name) + b'"\r\n\r\n'
        made += encoded(one) + b"\r\n"
    called = encoded(file_name).replace(b'"', b"%22")
    made += b'--b\r\nContent-Disposition: form-data; name="image"; filename="' + called + b'"\r\n'
    return made + b"Content-Type: image/png\r\n\r\n" + image + b"\r\n--b--\r\n"


def texts(schema: dict[str, Any], definitions: dict[str, Any], at: Place = ()) -> set[Place]:
    """Where a JSON schema lets a text stand, names of an open table included."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    found: set[Place] = set()
    for below in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        found |= texts(below, definitions, at)
    for name, below in schema.get("properties", {}).items():
        found |= texts(below, definitions, (*at, name))
    if "items" in schema:
        found |= texts(schema["items"], definitions, (*at, 0))
    if open_ := schema.get("additionalProperties"):
        found.add((*at, KEY))
        found |= texts(open_ if isinstance(open_, dict) else {}, definitions, (*at, "any"))
    # without a type anything may stand there
    return found | ({at} if schema.get("type") == "string" or not {*schema} - {"title"} else set())


def of_body(body: Any, at: Place = ()) -> set[Place]:
    """Where a text stands in a body."""
    if isinstance(body, str):
        return {at}
    inside = (
        body.items()
        if isinstance(body, dict)
        else enumerate(body)
        if isinstance(body, list)
        else ()
    )
    return {place for name, one in inside for place in of_body(one, (*at, name))}


def put(body: Any, place: Place, word: str) -> Any:
    """The body with the word in that place."""
    if not place:
        return word
    name, *rest = place
    made = copy.deepcopy(body)
    if name == KEY:
        return {**(made if isinstance(made, dict) else {}), word: "x"}
    if isinstance(name, int):
        made = made if isinstance(made, list) and len(made) > name else [None]
    else:
        made = made if isinstance(made, dict) else {}
    before = made[name] if isinstance(name, int) else made.get(name)
    made[name] = put(before, tuple(rest), word)
    return made


def fields(dependant: Dependant, kind: type[params.Param] | type[params.Body]) -> Iterator[str]:
    """What an endpoint takes of a kind (form, query, header), by itself and by what it depends on."""
    for one in (*dependant.query_params, *dependant.header_params, *dependant.body_params):
        if isinstance(one.field_info, kind):
            yield from getattr(one.field_info.annotation, "model_fields", [one.alias])
    for below in dependant.dependencies:
        yield from fields(below, kind)


def endpoints(app: FastAPI) -> dict[str, Dependant]:
    """By method and path."""
    return {
        f"{method} {one.path}": one.dependant
        for one in iter_route_contexts(app.routes)
        if hasattr(one, "dependant")
        for method in one.methods or ()
    }


def bodies(app: FastAPI) -> dict[str, set[Place]]:
    """By method and path of what takes JSON: where a text may stand in it."""
    found: dict[str, set[Place]] = {}
    for route, dependant in endpoints(app).items():
        for one in dependant.body_params:
            if not isinstance(one.field_info, params.Form):
                schema = one.field_info.annotation.model_json_schema()  # type: ignore[union-attr]  # JSON bodies are models
                found[route] = texts(schema, schema.get("$defs", {}))
    return found


def as_json(body: Any) -> bytes:
    """With half a character as an escape."""
    return json.dumps(body).encode()
