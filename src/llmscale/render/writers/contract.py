"""The answer as the JSON contract has it: notes as codes, and before them as sentences, ``warnings``."""

from __future__ import annotations

from typing import Any

from llmscale.answers.results.common import to_json
from llmscale.render.words import words


def contract(result: Any) -> Any:
    """The object of the contract; its sentences are in English whatever the language of the screen."""
    content = to_json(result)
    if "notes" not in content:
        return content
    say = words("en")
    fields = {}
    for key, value in content.items():
        if key == "notes":
            fields["warnings"] = [say.sentence(told) for told in result.notes]
        fields[key] = value
    return fields
