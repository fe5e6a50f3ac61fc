"""From what the user names to a `ModelSpec`: each source is a module, asked in turn whether it claims it."""

from __future__ import annotations

import os

from llmscale.errors import NotFoundError, UsageError
from llmscale.sources.interface import Loaded, Undisclosed

__all__ = ["Loaded", "Undisclosed", "load"]


def load(reference: str, *, assume: str | None = None, catalogue: str | None = None) -> Loaded | Undisclosed:
    """Find the model that `reference` names.

    Args:
        reference: ``7B``, ``./config.json`` or its folder, or a catalogue model by any of its names.
        assume: the ``model_type`` to count a config.json as whose own is not known.
        catalogue: the user's own catalogue; None for the one that the environment or the configuration folder names.

    Raises:
        UsageError: nothing, a size that cannot be meant, or `assume` where nothing has to be assumed.
        NotFoundError: no such model, or no such family to assume.
        InputFileError: a file that does not describe a model we know, or a catalogue that cannot be read.
    """
    from llmscale.sources import literal

    if not reference.strip("\0 \t\n") or "\0" in reference:
        raise UsageError("No model is named.", "For example llama-2-7b, 7B or ./config.json.")
    claimed = literal.claims(reference)
    if claimed and assume is None:
        return literal.load(reference)
    from llmscale.sources import config_json

    if not claimed and config_json.claims(reference):
        return config_json.load(reference, assume)
    if assume is not None and os.path.exists(reference):
        return config_json.load(reference, assume)
    if assume is not None:
        raise UsageError(
            f"--assume is for a config.json whose model_type is not known; '{reference[:60]}' is none.",
            "Leave it away, or name the file.",
        )
    from llmscale.sources import catalogue as source

    try:
        return source.load(reference, catalogue)
    except NotFoundError:
        if os.path.exists(reference):
            return config_json.load(reference, assume)
        raise
