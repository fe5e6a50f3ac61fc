"""What Ollama has, by its manifests."""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmscale.errors import LlmscaleError
from llmscale.sources.ollama_store import ADAPTER, MODEL, PREFIX, PROJECTOR, blobs, listed
from llmscale.sources.stores.folders import inside
from llmscale.sources.stores.interface import Broken, Found, KeptModel, Kind


def manifests(store: str) -> Iterator[Found]:
    """The models, as ``ollama list`` names them."""
    for name in listed(store):
        yield _one(store, name)


def _one(store: str, name: str) -> Found:
    try:
        layers = list(blobs(store, name))
    except LlmscaleError as error:
        return Broken(f"{PREFIX}{name}", error.message)
    files = tuple(path for kind, path in layers if kind.endswith((MODEL, PROJECTOR, ADAPTER)))
    if not any(kind.endswith(MODEL) for kind, _ in layers):
        return Broken(f"{PREFIX}{name}", "its manifest names no model")
    for path in files:
        if not inside(path, os.path.realpath(store)):
            return Broken(path, "a link out of the folder, which is not followed")
        if not os.path.isfile(path):
            return Broken(path, f"missing, and '{name}' is in it")
    return KeptModel(name, f"{PREFIX}{name}", Kind.GGUF, files)
