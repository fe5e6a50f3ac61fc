"""The rules of transformers that belong to a release: the fields of `data/releases/transformers.yaml`."""

from __future__ import annotations

from functools import cache

from llmscale.records import NamedTuple
from llmscale.runtimes.releases import holding, newest

#: What a settled workload calls the release that it is for, where that is not the newest.
RELEASE = "release"


class TransformersRules(NamedTuple):
    """The rules of one span of releases; what each of them says stands in the file."""

    all_logits: bool
    cosines_held: bool
    outputs_held: bool
    grouped: bool
    loaded_whole: bool
    gptq_buffer: bool


#: What `llmscale.runtimes.schema` checks the file by.
RULES = TransformersRules


@cache
def release(version: str = "") -> TransformersRules:
    """The rules of the release called `version`, of the newest where none is.

    Raises:
        UsageError: no release, or one older than was read.
    """
    return TransformersRules(**holding("transformers", version or newest("transformers")).rules)


def older(version: str) -> bool:
    """Whether `version` is of another span than the newest."""
    return holding("transformers", version) != holding("transformers", newest("transformers"))
