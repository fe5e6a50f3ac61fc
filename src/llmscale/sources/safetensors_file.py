"""safetensors: a file, an index of shards, or a folder of them; headers only, exact whatever the architecture."""

from __future__ import annotations

import os

from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions

name, needs, assumes = "a safetensors file", "", True
ENDINGS = (".safetensors", ".safetensors.index.json")


def claims(reference: str) -> Claim:
    """Whether it is the path of such a file, or of a folder that has one."""
    path = os.path.expanduser(reference)
    if reference.endswith(ENDINGS):
        sure = os.path.exists(path) or reference.startswith((".", "~", os.sep))
        return Claim.YES if sure else Claim.NO
    if not os.path.isdir(path):
        return Claim.NO
    from llmscale.sources.checkpoint.files import listed

    if not listed(path):
        return Claim.NO
    named = reference in (".", "..") or any(separator in reference for separator in (os.sep, os.altsep) if separator)
    return Claim.YES if named else Claim.MAYBE


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model in the files.

    Raises:
        InputFileError: missing, damaged, or no checkpoint.
    """
    from llmscale.sources.checkpoint.load import load_checkpoint

    return load_checkpoint(reference, os.path.expanduser(reference), said)
