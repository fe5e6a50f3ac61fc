"""A GGUF file, split or whole, or a folder that holds the files of one model: its own tensors in their own formats."""

from __future__ import annotations

import os

from llmscale.errors import InputFileError
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.paths import has_separator

name, needs, assumes = "a GGUF file", "", False
ENDING = ".gguf"


def claims(reference: str) -> Claim:
    """Whether it is the path of such a file, or of a folder with some and no config.json."""
    path = os.path.expanduser(reference)
    if reference.lower().endswith(ENDING):
        if os.path.exists(path):
            return Claim.YES
        # One that is not here may be known by its name.
        return Claim.MAYBE if reference.startswith((".", "~", os.sep)) else Claim.NO
    if not os.path.isdir(path) or os.path.exists(os.path.join(path, "config.json")):
        return Claim.NO
    from llmscale.sources.gguf.split import models_in

    named = reference == "." or has_separator(reference)
    try:
        found = bool(models_in(path))
    except InputFileError:
        return Claim.NO
    return (Claim.YES if named else Claim.MAYBE) if found else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model in the file.

    Raises:
        InputFileError: missing, cut off, or not what such a file holds.
    """
    from llmscale.sources.gguf.load import load_files
    from llmscale.sources.gguf.split import files_of

    return load_files(reference, files_of(os.path.expanduser(reference)), said.catalogue)
