"""A user's own Hugging Face ``config.json``, or the folder that holds it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from llmscale.errors import InputFileError
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions

name, needs, assumes = "a config.json", "", True
#: Published files hold 1 to 60 KB; more is not a config.
MAX_BYTES = 4 << 20


def claims(reference: str) -> Claim:
    """Whether `reference` is a path rather than a name.

    It is when it starts or ends like one, or holds a separator and exists. A bare word such as ``gpt2`` may be the name
    of a folder; ``./gpt2`` is.
    """
    separators = [separator for separator in (os.sep, os.altsep) if separator]
    exists = os.path.exists(reference)
    if reference.endswith(".json") or reference.startswith((".", "~", *separators)):
        return Claim.YES
    if exists and any(separator in reference for separator in separators):
        return Claim.YES
    return Claim.MAYBE if exists else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """Count the config at `reference`, as of the family that is to be assumed where its own is not known.

    Raises:
        InputFileError: missing, not a config, or of a model that we do not know.
        UsageError, NotFoundError: see `families.from_config`.
    """
    from llmscale.model.families import from_config

    path = locate(reference)
    spec = from_config(read(path), path, said.assume)
    called = os.path.basename(os.path.dirname(os.path.abspath(path)) if path.endswith("config.json") else path)
    return Loaded(replace(spec, id=reference, name=called, source=path))


def locate(reference: str) -> str:
    """The path of the file that `reference`, a file or its folder, names.

    Raises:
        InputFileError: a folder without one.
    """
    path = os.path.expanduser(reference)
    if os.path.isdir(path):
        folder, path = path, os.path.join(path, "config.json")
        if not os.path.exists(path):
            raise InputFileError(
                f"The folder '{folder}' has no config.json.", "Name the file, or a folder that has one."
            )
    return path


def read(path: str) -> dict[str, Any]:
    """The JSON object in the file.

    Raises:
        InputFileError: missing, too large, or no JSON object.
    """
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise InputFileError(f"'{path}' has {size:,} bytes, which is too large for a config.json.")
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be read: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise InputFileError(f"'{path}' is not text.", "A config.json is expected.") from None
    if not text.strip():
        raise InputFileError(f"'{path}' is empty.", "A config.json is expected.")
    try:
        data = json.loads(text)  # a bare NaN or Infinity included, which Python's own writer makes
    except RecursionError:
        raise InputFileError(f"'{path}' is nested too deeply for a config.json.") from None
    except ValueError as error:
        raise InputFileError(f"'{path}' is not JSON: {error}.", "A config.json is expected.") from None
    if not isinstance(data, dict):
        raise InputFileError(f"'{path}' holds a JSON {_kind(data)}, not an object.", "A config.json is expected.")
    return data


def _kind(data: object) -> str:
    names = {list: "list", str: "text", bool: "truth value", int: "number", float: "number", type(None): "null"}
    return names.get(type(data), "value")
