"""Which part of each weight tensor one rank holds under tensor, pipeline, data and expert parallelism.

Read in vLLM 0.19.0, files are under ``vllm/model_executor/``; SGLang 0.5.23 does the same:

- ``layers/fused_moe/config.py`` (``FusedMoEParallelConfig.make``): without ``--enable-expert-parallel`` every expert
  is split over all tensor and data parallel ranks; with it whole experts are dealt out to them, the first ranks taking
  one more where they do not divide.
- ``models/llava.py``, ``qwen2_vl.py``, ``siglip.py``: towers and projectors split as the text part does. Which are
  another library's, which every rank holds whole, is handed over (`Whole`).
- ``models/llama.py``: the embedding stands on the first stage, norm and head on the last; a tied embedding on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import Block, ModelSpec, PlacedBlock
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import share
from llmscale.runtimes.parallel.ranks import ALONE, Parallel, part, stage_layers

#: What the parts of a model that see and hear are called; they stand on the first stage.
TOWERS = ("vision", "audio", "projector")

#: Bytes of one tensor of a group with the shape that the rank holds, by plane: values, scales, zero points.
PlaneBytes = Callable[[TensorGroup, tuple[int, ...]], tuple[int, ...]]


class Whole(NamedTuple):
    """Families of which a server holds something whole on every rank that it splits for all others."""

    towers: frozenset[str] = frozenset()
    embeddings: frozenset[str] = frozenset()

    def holds(self, spec: ModelSpec, placed: PlacedBlock, group: TensorGroup) -> bool:
        """Whether every rank holds all of it."""
        if placed.tower is not None:
            return spec.family in self.towers
        return spec.family in self.embeddings and group.role == "embedding.token"


class Shard(NamedTuple):
    """What of a tensor group one rank holds: in each of `layers` layers, `experts` tensors of `shape`."""

    group: TensorGroup
    shape: tuple[int, ...]
    layers: int
    experts: int

    @property
    def copies(self) -> int:
        """Tensors of the group on the rank."""
        return self.layers * self.experts


def text_blocks(spec: ModelSpec) -> Iterator[PlacedBlock]:
    """The blocks of the part that reads and writes text."""
    return (placed for placed in spec.placed if placed.tower is None)


def is_latent(spec: ModelSpec) -> bool:
    """Whether the text part has multi-head latent attention."""
    return any(isinstance(placed.block, LatentAttention) for placed in text_blocks(spec))


def shards(spec: ModelSpec, whole: Whole, parallel: Parallel = ALONE, stage: int = 0) -> Iterator[Shard]:
    """What a rank of pipeline stage `stage` holds, group by group; the first ranks of it, where they differ."""
    layers = stage_layers(spec.layers, parallel.pipeline, stage)
    last = stage == parallel.pipeline - 1
    after_layers = False
    for placed in spec.placed:
        after_layers = after_layers or (bool(placed.layers) and placed.tower is None)
        for group in inventory(replace(spec, placed=(placed,))).groups:
            here = _layers_here(group, layers, stage == 0, last, after_layers)
            if here:
                shape, experts = _share(group, placed.block, ALONE if whole.holds(spec, placed, group) else parallel)
                yield Shard(group, shape, here, 2 * experts if _makes_values(group, placed.block) else experts)


def weight_bytes(held: Iterable[Shard], planes: PlaneBytes) -> int:
    """Bytes of what a rank holds."""
    return sum(shard.copies * sum(planes(shard.group, shard.shape)) for shard in held)


def _layers_here(group: TensorGroup, layers: range, first: bool, last: bool, after_layers: bool) -> int:
    """In how many layers of the stage the group stands, 1 outside them; a tied tensor counts on another stage only."""
    if group.component in TOWERS:
        return max(1, len(group.layers)) if first else 0
    if group.layers:
        return 0 if group.tied_to else sum(layer in layers for layer in group.layers)
    if group.tied_to:
        return int(last and not first)
    return int(last if after_layers else first)


def _share(group: TensorGroup, block: Block, parallel: Parallel) -> tuple[tuple[int, ...], int]:
    """Shape of the rank's part of one tensor, and how many experts' it holds."""
    if group.experts == 1:
        return share(block, group, parallel.tensor), 1
    ranks = parallel.tensor * parallel.data
    if parallel.experts:
        return group.shape, part(group.experts, ranks)
    return share(block, group, ranks), group.experts


def _makes_values(group: TensorGroup, block: Block) -> bool:
    """Whether the matrix of the keys makes the values too: it is loaded into both places (models/gemma4.py)."""
    return group.role == "attention.k" and isinstance(block, Attention) and len(block.names) == 3
