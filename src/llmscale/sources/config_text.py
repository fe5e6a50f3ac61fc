"""A config written out in the place of its name: ``{"model_type": "llama", …}``, as Python hands one over."""

from __future__ import annotations

import json
from dataclasses import replace

from llmscale.errors import InputFileError
from llmscale.sources.config_json import MAX_BYTES
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions

name, needs, assumes = "a config written out", "", True
#: What a config is called in messages and answers that says no name of its own.
UNNAMED = "the config"


def claims(reference: str) -> Claim:
    """Whether it is an object of JSON."""
    return Claim.YES if reference.lstrip().startswith("{") else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """Count it.

    Raises:
        InputFileError: no JSON, or of a model that we do not know.
        UsageError, NotFoundError: see `families.from_config`.
    """
    from llmscale.model.families import from_config

    if len(reference) > MAX_BYTES:
        raise InputFileError(f"{len(reference):,} characters are too many for a config.")
    try:
        config = json.loads(reference)
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"This is not JSON: {error}.", "A config as in config.json is expected.") from None
    spec = from_config(config, UNNAMED, said.assume)
    called = str(config.get("_name_or_path") or config["model_type"])[:200]
    return Loaded(replace(spec, id=called, name=called, source=UNNAMED))
