"""The rules of LMDeploy that belong to a release: the fields of `data/releases/lmdeploy.yaml`."""

from __future__ import annotations

from functools import cache

from llmscale.records import NamedTuple
from llmscale.runtimes.releases import holding, newest


class LmdeployRules(NamedTuple):
    """The rules of one span of releases; what each of them says stands in the file."""

    slabs: bool
    truncates: bool
    batches: dict[str, int]
    other_batch: int


#: What `llmscale.runtimes.schema` checks the file by.
RULES = LmdeployRules


@cache
def release(version: str = "") -> LmdeployRules:
    """The rules of the release called `version`, of the newest where none is.

    Raises:
        UsageError: no release, or one older than was read.
    """
    return LmdeployRules(**holding("lmdeploy", version or newest("lmdeploy")).rules)
