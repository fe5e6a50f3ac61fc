"""A user's own Hugging Face ``config.json``, or the folder that holds it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from llmscale.errors import InputFileError
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.json_text import parsed
from llmscale.sources.paths import SEPARATORS, has_separator
from llmscale.store.text_file import read_text

name, needs, assumes = "a config.json", "", True
#: Published files hold 1 to 60 KB; more is not a config.
MAX_BYTES = 4 << 20


def claims(reference: str) -> Claim:
    """Whether `reference` is a path rather than a name.

    It is when it starts or ends like one, or holds a separator and exists. A bare word such as ``gpt2`` may be the name
    of a folder; ``./gpt2`` is.
    """
    exists = os.path.exists(reference)
    if reference.lower().endswith(".gguf"):
        return Claim.NO
    if reference.endswith(".json") or reference.startswith((".", "~", *SEPARATORS)):
        return Claim.YES
    if exists and has_separator(reference):
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
    text = read_text(path, MAX_BYTES, "a config.json")
    return parsed(text, path, "a config.json")
