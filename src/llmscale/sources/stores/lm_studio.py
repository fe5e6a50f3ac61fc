"""Where LM Studio keeps models.

Sources: github.com/lmstudio-ai/lmstudio-js: `findLMStudioHome` (the file ``.lmstudio-home-pointer``, else
``.cache/lm-studio`` where there is one, else ``.lmstudio``), lms: ``{home}/models``; ``downloadsFolder`` of its
settings.json is the folder that a user chose.
"""

from __future__ import annotations

import os

from llmscale.errors import LlmscaleError
from llmscale.sources.config_json import read
from llmscale.store.text_file import read_text

POINTER, MOST_PATH = ".lmstudio-home-pointer", 4096


def folders() -> list[str]:
    """Its folder of models."""
    base = os.path.expanduser("~")
    usual = [os.path.join(base, ".cache", "lm-studio"), os.path.join(base, ".lmstudio")]
    home = _pointed(base) or next((path for path in usual if os.path.isdir(path)), usual[-1])
    return [_chosen(home) or os.path.join(home, "models")]


def _pointed(base: str) -> str:
    try:
        home = read_text(os.path.join(base, POINTER), MOST_PATH, "a path").strip()
    except LlmscaleError:
        return ""
    return home if os.path.isabs(home) and "\0" not in home else ""


def _chosen(home: str) -> str:
    try:
        chosen = read(os.path.join(home, "settings.json")).get("downloadsFolder")
    except LlmscaleError:
        return ""
    return chosen if isinstance(chosen, str) and os.path.isabs(chosen) and "\0" not in chosen else ""
