"""A question that came as JSON, as words by name."""

from __future__ import annotations

from typing import Any

from llmscale.errors import UsageError


def words_of(body: Any) -> dict[str, list[str]]:
    """The words of an object; what is null was not said.

    Raises:
        UsageError: no object, or one with something else in it than words, numbers, truth values and lists of them.
    """
    if not isinstance(body, dict):
        raise UsageError("The question is no JSON object.", 'For example {"model": "llama-2-7b"}.')
    said: dict[str, list[str]] = {}
    for name, value in body.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, (dict, list)) for each in values):
            raise UsageError(f"'{name[:40]}' is neither a word nor a list of words.")
        said[name] = [str(each).lower() if isinstance(each, bool) else str(each) for each in values if each is not None]
    return {name: values for name, values in said.items() if values}
