"""The OpenAPI document: what FastAPI makes of the routes, and the shape of every error."""

from typing import Any

from fastapi import FastAPI

from service.api.problems import ProblemDetails

# FastAPI's name for the fields of a form
_FORM = "Body_"


def describe(app: FastAPI) -> None:
    """Let the application tell its document with the problem details in it; pages are not in it."""
    made = app.openapi

    def tell() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            schemas = document["components"]["schemas"]
            schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
            # replaced by the problem details of 422
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
            for name, schema in schemas.items():
                if name.startswith(_FORM):
                    _as_sent(schema["properties"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = tell  # type: ignore[method-assign]  # FastAPI's own documented way


def _as_sent(properties: dict[str, Any]) -> None:
    """A field of a form cannot be null: it is not there or, which is the same, empty."""
    for field in properties.values():
        kinds = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
        if len(kinds) != 1:
            continue
        (kind,) = kinds
        # a pattern of one line holds of none
        kind.pop("minLength", None)
        if "format" in kind:
            field["anyOf"] = [kind, {"type": "string", "maxLength": 0}]
        else:
            del field["anyOf"]
            field.update(kind)
