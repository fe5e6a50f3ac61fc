"""Whose folders there are. One line each.

Sources: Ollama: see `ollama_store`; huggingface_hub: see `hub.downloaded`, in whose cache MLX keeps its models too
(mlx_lm/utils.py: `snapshot_download`); llama.cpp: common/common.cpp `fs_get_cache_directory`, and common/hf-cache.cpp,
by which newer releases share the hub's; LM Studio: see `lm_studio`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from llmscale.sources import ollama_store
from llmscale.sources.hub.downloaded import cache_of_library
from llmscale.sources.stores import lm_studio
from llmscale.sources.stores.caches import loose, repositories
from llmscale.sources.stores.folders import models_in
from llmscale.sources.stores.interface import Store
from llmscale.sources.stores.manifests import manifests


def stores() -> Iterator[Store]:
    """All folders that may hold models, each once, whether they are there or not."""
    every = (
        *(Store("Ollama", folder, manifests) for folder in ollama_store.stores()),
        Store("Hugging Face", cache_of_library(), repositories),
        *(Store("llama.cpp -hf", folder, loose) for folder in _llama_cpp()),
        *(Store("LM Studio", folder, models_in) for folder in lm_studio.folders()),
    )
    seen: set[str] = set()
    for store in every:
        real = os.path.realpath(store.folder)
        if real not in seen:
            seen.add(real)
            yield store


def _llama_cpp() -> Iterator[str]:
    if own := os.environ.get("LLAMA_CACHE"):
        yield own
        return
    home = os.path.expanduser("~")
    usual = {"win32": os.environ.get("LOCALAPPDATA") or home, "darwin": os.path.join(home, "Library", "Caches")}
    base = usual.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    yield os.path.normpath(f"{base}/llama.cpp")
