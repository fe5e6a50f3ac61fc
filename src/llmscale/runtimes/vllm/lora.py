"""What ``--enable-lora`` holds for adapters besides the weights of the model.

For as many adapters as ``--max-loras`` allows, and of the largest rank, two matrices of every linear layer are made
when the model is loaded, whatever adapters come (``create_lora_weights`` in ``vllm/lora/layers/base_linear.py``): A of
(rank, inputs) and B of (outputs, rank), in the model's own format. Of a layer that is split over ranks only the side
that is split is smaller. Those of embedding and head, which not all models have, and what CUDA graphs take more, are
left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.errors import UsageError
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.shards import Shard

#: ``--max-loras`` and ``--max-lora-rank`` where nobody names them (vllm/config/lora.py).
LORAS, RANK = 1, 16
#: Parts of a model whose matrices are linear layers.
LINEAR = frozenset({"attention", "mlp", "experts", "shared_experts", "recurrent"})


class Adapters(NamedTuple):
    """Adapters at once, and the largest rank of one."""

    loras: int = 0
    rank: int = 0


def adapters(work: Workload) -> Adapters:
    """What room is made for; none without ``--enable-lora``.

    Raises:
        UsageError: a number of adapters or a rank without it.
    """
    count, rank = work.option("max_loras"), work.option("max_lora_rank")
    if work.option("enable_lora"):
        return Adapters(count or LORAS, int(rank or RANK))
    if count or rank:
        raise UsageError("--max-loras and --max-lora-rank say how large adapters are.", "Add --enable-lora.")
    return Adapters()


def lora_bytes(held: Iterable[Shard], of: Adapters, element_bytes: int) -> int:
    """Bytes on a rank that holds these parts of tensors."""
    if not of.loras:
        return 0
    sides = sum(
        shard.copies * sum(shard.shape) for shard in held if shard.group.component in LINEAR and len(shard.shape) == 2
    )
    return of.loras * of.rank * sides * element_bytes
