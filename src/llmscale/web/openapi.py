"""The OpenAPI description, made from the table of endpoints and the types of the answers."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from llmscale import __version__
from llmscale.store.tables import table
from llmscale.web.drawn import ENDPOINT as PLOT
from llmscale.web.endpoints import ENDPOINTS, Endpoint, Parameter

TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "whole": {"type": "string", "example": "4"},
    "tokens": {"type": "string", "example": "8k"},
}
ERRORS = {
    "400": "wrong usage",
    "404": "not found",
    "422": "not readable",
    "429": "too many requests",
    "503": "too slow",
}


@cache
def description() -> dict[str, Any]:
    """See the module."""
    schemas: dict[str, Any] = {}
    paths = {f"/api/{name}": _path(name, endpoint, schemas) for name, endpoint in ENDPOINTS.items()}
    paths["/api/plot"] = _path("plot", PLOT, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "llmscale", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _path(name: str, endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    answers = [_schema(result, schemas) for result in endpoint.result]
    content = {"application/json": {"schema": {"oneOf": answers} if len(answers) > 1 else (answers or [{}])[0]}}
    responses = {"200": {"description": endpoint.help, "content": content}}
    responses |= {status: {"description": why} for status, why in ERRORS.items()}
    parameters = [*endpoint.parameters, *(_runtime_options() if endpoint.options else ())]
    fields = {parameter.name: {**TYPES[parameter.kind], "description": parameter.help} for parameter in parameters}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": fields}}}}
    asked = {"summary": endpoint.help, "responses": responses}
    return {
        "get": {**asked, "operationId": name, "parameters": list(map(_parameter, parameters))},
        "post": {**asked, "operationId": f"post_{name}", "requestBody": body},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    said = {"name": parameter.name, "in": "query", "description": parameter.help, "schema": TYPES[parameter.kind]}
    return {**said, "required": True} if parameter.required else said


def _runtime_options() -> list[Parameter]:
    """Every option of a runtime once."""
    found: dict[str, Parameter] = {}
    for runtime in table("options").values():
        for option in runtime["options"]:
            kind = "flag" if option["kind"] == "flag" else "text"
            found.setdefault(option["name"], Parameter(option["name"], kind, f"{runtime['title']}: {option['help']}"))
    return list(found.values())


def _schema(result: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a class of results, put with what it is made of among `schemas`."""
    from pydantic import TypeAdapter

    module, _, name = result.partition(":")
    answer = getattr(import_module(f"llmscale.answers.results.{module}"), name)
    made = TypeAdapter(answer).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}))
    schemas[name] = made
    return {"$ref": f"#/components/schemas/{name}"}
