"""Files that ``torch.save`` wrote: one, an index of shards, or a folder of them; headers only, nothing is executed."""

from __future__ import annotations

import os

from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions

name, needs, assumes = "a file of PyTorch's", "", True
ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".bin.index.json")


def claims(reference: str) -> Claim:
    """Whether it is the path of such a file, or of a folder that has one and no safetensors."""
    path = os.path.expanduser(reference)
    if reference.endswith(ENDINGS):
        sure = os.path.exists(path) or reference.startswith((".", "~", os.sep))
        return Claim.YES if sure else Claim.NO
    if not os.path.isdir(path):
        return Claim.NO
    from llmscale.sources.checkpoint.files import listed, listed_pytorch

    if listed(path) or not listed_pytorch(path):
        return Claim.NO
    named = reference in (".", "..") or any(separator in reference for separator in (os.sep, os.altsep) if separator)
    return Claim.YES if named else Claim.MAYBE


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model in the files.

    Raises:
        InputFileError: missing, damaged, or something else than weights.
    """
    from llmscale.sources.checkpoint.load import load_checkpoint

    return load_checkpoint(reference, os.path.expanduser(reference), said)
