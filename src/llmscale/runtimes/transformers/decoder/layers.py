"""The layers of a decoder, out of the blocks of its `ModelSpec`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba2, RwkvTimeMix
from llmscale.model.blocks.tied import Tied
from llmscale.model.spec import Block, CacheShape, ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.blocks import join
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.parts import Part, SharedTransformer
from llmscale.runtimes.transformers.style import Style

#: Tokens of one sequence that a layer of some window has K and V of at a step.
Rows = Callable[[int | None, Step], int]


class DecoderLayer(NamedTuple):
    """One layer.

    Attributes:
        mixers: its parts but for norms, in the order of the forward pass.
        pattern: that order with norms: N for one, M for what it stands before or behind.
        caches: what its parts keep of a model's own tokens.
    """

    mixers: tuple[Part, ...]
    pattern: str
    caches: tuple[CacheShape, ...]

    def cached_bytes(self, step: Step, rows: Rows) -> int:
        """K and V of the tokens that `rows` counts."""
        elements = sum(rows(shape.window, step) * (shape.keys + shape.values) for shape in self.caches)
        return step.batch * elements * step.width

    @property
    def attentions(self) -> list[Attention]:
        """Its softmax attentions, but for those that are part of something else."""
        return [part for part in self.mixers if isinstance(part, Attention)]

    @property
    def looks(self) -> bool:
        """Whether it attends to a picture."""
        return any(block.source == "cross" for block in self.attentions)

    @property
    def borrows(self) -> bool:
        """Whether it attends to another's K and V."""
        return not all(block.owns_kv for block in self.attentions)


def layers_of(spec: ModelSpec, style: Style) -> tuple[DecoderLayer, ...]:
    """All layers; those that are alike are one object."""
    made: dict[tuple[Part, ...], DecoderLayer] = {}
    layers = []
    for blocks in _ordered(spec):
        parts = tuple(joined(blocks, spec.hidden_size))
        if parts not in made:
            made[parts] = _layer(parts, style)
        layers.append(made[parts])
    return tuple(layers)


def _layer(parts: tuple[Part, ...], style: Style) -> DecoderLayer:
    # OLMo's norms have no weights, and so no block.
    bare = style.norm == "bare"
    pattern = "NMNM" if bare else "".join("N" if isinstance(part, Norm) else "M" for part in parts)
    caches = tuple(shape for part in parts if (shape := part.cache()) and shape.source == "self")
    return DecoderLayer(tuple(part for part in parts if not isinstance(part, Norm)), pattern, caches)


def _ordered(spec: ModelSpec) -> list[list[Block]]:
    """The blocks of each layer in the order of the forward pass.

    Blocks of one name that differ from layer to layer stand apart in a `ModelSpec`; each takes the position that the
    name, or the block that it stands for, has in the layers before it.
    """
    found: dict[int, dict[str, Block]] = {}
    for placed in spec.placed:
        if placed.tower is None:
            for layer in placed.layers:
                found.setdefault(layer, {})[placed.prefix] = placed.block
    slots = list(found[0]) if found else []
    return [_in_order(found[layer], slots) for layer in range(len(found))]


def _in_order(blocks: dict[str, Block], slots: Sequence[str]) -> list[Block]:
    """`blocks` in the order of `slots`: one that is not among these takes the next that is missing, or the end."""
    missing = [slot for slot in slots if slot not in blocks]
    order = {slot: number for number, slot in enumerate(slots)}
    for name in blocks:
        if name not in order:
            order[name] = order[missing.pop(0)] if missing else len(slots)
    return [blocks[name] for name in sorted(blocks, key=lambda name: order[name])]


def joined(blocks: Sequence[Block], hidden: int) -> Sequence[Part]:
    """The parts of a layer without norms inside attention, and a shared expert with those that it stands beside."""
    roles = {block.role for block in blocks if isinstance(block, Linear)}
    if "other.hybrid" in roles:
        return _zamba(blocks, hidden)
    if "other.altup" in roles:
        return _altup(blocks, hidden)
    parts: tuple[Part, ...] = ()
    for block in blocks:
        parts = join(block, parts, hidden)
    # RWKV's first layer normalises the embeddings too.
    return parts[-4:] if any(isinstance(part, RwkvTimeMix) for part in parts) else parts


def _zamba(blocks: Iterable[Block], hidden: int) -> Sequence[Part]:
    """A norm and Zamba 2's Mamba-2 behind its shared transformer; the blocks as they are where it is not that."""
    whole = [block.block if isinstance(block, Tied) else block for block in blocks]
    mixer = next((block for block in whole if isinstance(block, Mamba2)), None)
    attention = next((block for block in whole if isinstance(block, Attention)), None)
    return [Norm(hidden), SharedTransformer(mixer, attention)] if mixer and attention else list(blocks)


def _altup(blocks: Iterable[Block], hidden: int) -> Sequence[Part]:
    """Gemma 3n's attention and MLP, a norm around each; what predicts and corrects its streams is the layer's."""
    around = Norm(hidden)
    main = [block for block in blocks if isinstance(block, (Attention, GatedMlp))]
    return [part for block in main for part in (around, block, around)]
