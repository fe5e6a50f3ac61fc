"""The rules of llama.cpp that belong to a release: the fields of `data/releases/llama.cpp.yaml`."""

from __future__ import annotations

from functools import cache

from llmscale.records import NamedTuple
from llmscale.runtimes.releases import holding, newest

#: What a settled workload calls the release that it is for, where that is not the newest.
RELEASE = "release"


class LlamaCppRules(NamedTuple):
    """The rules of one span of releases; what each of them says stands in the file."""

    one_buffer: bool
    flash_attention: bool
    cells: int
    all_outputs: bool
    mask_cast: bool
    reserves_f16: bool


#: What `llmscale.runtimes.schema` checks the file by.
RULES = LlamaCppRules


@cache
def release(version: str | None = None) -> LlamaCppRules:
    """The rules of the release called `version`, of the newest where none is.

    Raises:
        UsageError: no release, or one older than was read.
    """
    return LlamaCppRules(**holding("llama.cpp", version or newest("llama.cpp")).rules)
