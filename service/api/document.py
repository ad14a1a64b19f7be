"""The OpenAPI document: what FastAPI makes of the routes, and the shape of every error."""

from typing import Any

from fastapi import FastAPI

from service.api.problems import ProblemDetails


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
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = tell  # type: ignore[method-assign]  # FastAPI's own documented way
