"""What of a model cannot be dealt out to ranks; each server says it in its own words.

Read in vLLM 0.19.0 (``vllm/config/model.py``, ``verify_with_parallel_config``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import heads
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import text_blocks


class Undivided(NamedTuple):
    """What `ranks` cannot share: `number` of them."""

    what: Literal["heads", "kv_heads", "layers"]
    number: int
    ranks: int


def undivided(spec: ModelSpec, parallel: Parallel) -> Undivided | None:
    """The first that cannot be: query heads that do not divide, KV heads that cannot be repeated either, few layers."""
    tensor = parallel.tensor
    for placed in text_blocks(spec):
        query, kv = heads(placed.block)
        if query % tensor:
            return Undivided("heads", query, tensor)
        if kv and max(kv, tensor) % min(kv, tensor):
            return Undivided("kv_heads", kv, tensor)
    return Undivided("layers", spec.layers, parallel.pipeline) if spec.layers < parallel.pipeline else None


def most_ranks(spec: ModelSpec, devices: int) -> int:
    """The largest power of two of so many devices that the model can be dealt out to."""
    powers = [1 << power for power in range(devices.bit_length())]
    return max(ranks for ranks in powers if undivided(spec, Parallel(ranks)) is None)


def refuse_undivided(spec: ModelSpec, parallel: Parallel, words: Mapping[str, tuple[str, str]]) -> None:
    """Refuse ranks that the model cannot be dealt out to.

    Args:
        words: message and hint by `Undivided.what`, with ``{number}`` and ``{ranks}`` for its figures.

    Raises:
        UsageError: in these words.
    """
    found = undivided(spec, parallel)
    if found is not None:
        message, hint = words[found.what]
        raise UsageError(message.format(number=found.number, ranks=found.ranks), hint)
