"""Ranks: how many share the work, and which heads and layers each of them has.

Read in vLLM 0.19.0, whose layers SGLang's were made from: ``vllm/distributed/utils.py`` (``get_pp_indices``),
``vllm/model_executor/layers/linear.py`` (``QKVParallelLinear``), ``layers/mamba/mamba_utils.py``
(``extra_groups_for_head_shards``).
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class Parallel(NamedTuple):
    """How many ranks share the work.

    Attributes:
        tensor, pipeline, data: ``--tensor-parallel-size``, ``--pipeline-parallel-size``, ``--data-parallel-size``.
        experts: whether whole experts are dealt out, ``--enable-expert-parallel``.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    experts: bool = False

    @property
    def devices(self) -> int:
        """Devices that one such deployment takes."""
        return self.tensor * self.pipeline * self.data


#: One device.
ALONE = Parallel()


def part(whole: int, ranks: int) -> int:
    """The largest rank's share of `whole` rows, columns or experts."""
    return -(-whole // ranks)


def kv_heads(total: int, tensor: int) -> int:
    """KV heads on one rank: a share, or one of its own where there are more ranks than heads."""
    return max(1, total // tensor)


def state_groups(groups: int, tensor: int) -> int:
    """B and C groups of Mamba-2 on one rank: a share where they divide, else one that is repeated."""
    return groups // tensor if groups % tensor == 0 else 1


def stage_layers(layers: int, pipeline: int, stage: int) -> range:
    """The layers of one pipeline stage: dealt out evenly, those left over to stages before the last, from the back."""
    sizes = [layers // pipeline] * pipeline
    for back in range(2, layers % pipeline + 2):
        sizes[-back] += 1
    first = sum(sizes[:stage])
    return range(first, first + sizes[stage])
