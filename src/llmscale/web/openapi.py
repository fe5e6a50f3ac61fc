"""The OpenAPI description, made from the table of endpoints and the types of the answers."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from llmscale import __version__
from llmscale.questions.drawn import ENDPOINT as PLOT
from llmscale.questions.endpoints import ENDPOINTS, Endpoint, Parameter
from llmscale.questions.schema import TYPES, body, parameters

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
    asking = {"content": {"application/json": {"schema": body(endpoint)}}}
    asked = {"summary": endpoint.help, "responses": responses}
    return {
        "get": {**asked, "operationId": name, "parameters": list(map(_parameter, parameters(endpoint)))},
        "post": {**asked, "operationId": f"post_{name}", "requestBody": asking},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    said = {"name": parameter.name, "in": "query", "description": parameter.help, "schema": TYPES[parameter.kind]}
    return {**said, "required": True} if parameter.required else said


def _schema(result: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a class of results, put with what it is made of among `schemas`."""
    from pydantic import TypeAdapter

    module, _, name = result.partition(":")
    answer = getattr(import_module(f"llmscale.answers.results.{module}"), name)
    made = TypeAdapter(answer).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}))
    schemas[name] = made
    return {"$ref": f"#/components/schemas/{name}"}
