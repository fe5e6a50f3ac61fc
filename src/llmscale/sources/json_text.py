"""JSON of a file that may be hostile: an object, or one refusal in one line."""

from __future__ import annotations

import json
from typing import Any

from llmscale.errors import InputFileError
from llmscale.names import visible

_KINDS = {list: "list", str: "text", bool: "truth value", int: "number", float: "number", type(None): "null"}


def parsed(text: str, where: str, expected: str) -> dict[str, Any]:
    """The object that `text` is.

    Args:
        where: what it stands in, for messages.
        expected: what ought to stand there, with its article.

    Raises:
        InputFileError: no JSON, or no object.
    """
    data = _value(text, where, expected)
    if not isinstance(data, dict):
        raise InputFileError(f"'{where}' holds a JSON {_kind(data)}, not an object.", _hint(expected))
    return data


def parsed_list(text: str, where: str, expected: str) -> list[Any]:
    """The list that `text` is.

    Raises:
        InputFileError: no JSON, or no list.
    """
    data = _value(text, where, expected)
    if not isinstance(data, list):
        raise InputFileError(f"'{where}' holds a JSON {_kind(data)}, not a list.", _hint(expected))
    return data


def _value(text: str, where: str, expected: str) -> Any:
    hint = _hint(expected)
    if not text.strip():
        raise InputFileError(f"'{where}' is empty.", hint)
    try:
        return json.loads(text)  # a bare NaN or Infinity included, which Python's own writer makes
    except RecursionError:
        raise InputFileError(f"'{where}' is nested too deeply for {expected}.") from None
    except ValueError as error:
        # Python's own words on numbers without end name a function of Python's.
        why = "a number has more than 4,300 digits" if str(error).startswith("Exceeds") else visible(error, 120)
        raise InputFileError(f"'{where}' is not JSON: {why}.", hint) from None


def _hint(expected: str) -> str:
    return f"{expected[0].upper()}{expected[1:]} is expected."


def _kind(data: Any) -> str:
    return _KINDS.get(type(data), "object")
