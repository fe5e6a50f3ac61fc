"""safetensors: a file, an index of shards, or a folder of them; headers only, exact whatever the architecture."""

from __future__ import annotations

import os

from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.paths import file_or_folder

name, needs, assumes = "a safetensors file", "", True
ENDINGS = (".safetensors", ".safetensors.index.json")


def claims(reference: str) -> Claim:
    """Whether it is the path of such a file, or of a folder that has one."""
    return file_or_folder(reference, ENDINGS, _holds)


def _holds(folder: str) -> bool:
    from llmscale.sources.checkpoint.files import listed

    return bool(listed(folder))


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model in the files.

    Raises:
        InputFileError: missing, damaged, or no checkpoint.
    """
    from llmscale.sources.checkpoint.load import load_checkpoint

    return load_checkpoint(reference, os.path.expanduser(reference), said)
