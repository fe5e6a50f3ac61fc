"""Parameters as JSON Schema, for the OpenAPI description and for tools."""

from __future__ import annotations

from typing import Any

from llmscale.questions.endpoints import Endpoint, Parameter
from llmscale.store.tables import table

TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "whole": {"type": "integer"},
    "tokens": {"type": ["string", "integer"], "examples": ["8k", 8192]},
}


def parameters(endpoint: Endpoint) -> list[Parameter]:
    """Those of an endpoint, options of runtimes among them."""
    return [*endpoint.parameters, *(_runtime_options() if endpoint.options else ())]


def body(endpoint: Endpoint) -> dict[str, Any]:
    """The schema of a question as an object."""
    fields = {each.name: {**TYPES[each.kind], "description": each.help} for each in parameters(endpoint)}
    required = [each.name for each in endpoint.parameters if each.required]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _runtime_options() -> list[Parameter]:
    """Every option of a runtime once."""
    found: dict[str, Parameter] = {}
    for runtime in table("options").values():
        for option in runtime["options"]:
            kind = "flag" if option["kind"] == "flag" else "text"
            found.setdefault(option["name"], Parameter(option["name"], kind, f"{runtime['title']}: {option['help']}"))
    return list(found.values())
