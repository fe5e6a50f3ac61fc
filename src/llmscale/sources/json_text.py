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
    hint = f"{expected[0].upper()}{expected[1:]} is expected."
    if not text.strip():
        raise InputFileError(f"'{where}' is empty.", hint)
    try:
        data = json.loads(text)  # a bare NaN or Infinity included, which Python's own writer makes
    except RecursionError:
        raise InputFileError(f"'{where}' is nested too deeply for {expected}.") from None
    except ValueError as error:
        # Python's own words on numbers without end name a function of Python's.
        why = "a number has more than 4,300 digits" if str(error).startswith("Exceeds") else visible(error, 120)
        raise InputFileError(f"'{where}' is not JSON: {why}.", hint) from None
    if not isinstance(data, dict):
        kind = _KINDS.get(type(data), "value")
        raise InputFileError(f"'{where}' holds a JSON {kind}, not an object.", hint)
    return data
