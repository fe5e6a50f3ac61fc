"""What of a model the division over devices depends on: sums over its inventory and its blocks."""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.embedding import Head
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.training.parallel.kept import HALF, kept


class Sizes(NamedTuple):
    """Of a model.

    Attributes:
        heads, kv_heads: the fewest of any layer; a latent has as many of both.
        experts: of a layer; 1 without.
        dense, routed: parameters in layers, without and of routed experts.
        first, last: parameters before and behind the layers; `tied` of them are one table, which both have where they
            lie on different devices.
        kept: bytes a token that a layer keeps, on average.
        routes: bytes a token that a layer sends to its experts, on average.
        active: parameters that a token is multiplied with.
        scores: FLOPs forward a token and token before it, of all layers.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    experts: int
    vocab: int
    dense: int
    routed: int
    first: int
    last: int
    tied: int
    kept: float
    routes: float
    active: int
    scores: int

    @property
    def total(self) -> int:
        """Parameters, a tied table once."""
        return self.dense + self.routed + self.ends(first=True, last=True)

    def ends(self, *, first: bool, last: bool) -> int:
        """Parameters outside the layers on a device that has the first or the last of them, or both."""
        return self.first * first + self.last * last - self.tied * (first and last)


def sizes(spec: ModelSpec) -> Sizes:
    """What `spec` is.

    Raises:
        UnsupportedModelError: an encoder, towers, a block that is not modelled.
    """
    attention = [(p.block, len(p.layers)) for p in spec.placed if isinstance(p.block, (Attention, LatentAttention))]
    heads = [placed.block for placed in spec.placed if isinstance(placed.block, Head)]
    if spec.sequence or not attention or not heads or any(p.tower for p in spec.placed):
        raise UnsupportedModelError(
            f"How {spec.name} is divided over devices is not modelled: only decoders of text are.",
            "Name a single card: --gpu h100.",
        )
    parts = inventory(spec)
    inside = [group for group in parts.groups if group.layers]
    outside = [group for group in parts.groups if not group.layers]
    first = sum(group.parameters for group in outside if group.component == "embedding")
    last = sum(group.parameters for group in outside if group.component != "embedding")
    routed = sum(group.parameters for group in inside if group.component == "experts")
    blocks = [(placed.block, len(placed.layers)) for placed in spec.placed if placed.layers]
    return Sizes(
        layers=spec.layers,
        hidden=spec.hidden_size,
        heads=min(block.heads for block, _ in attention),
        kv_heads=min(block.kv_heads if isinstance(block, Attention) else block.heads for block, _ in attention),
        experts=max((group.experts for group in inside), default=1),
        vocab=heads[-1].vocab,
        dense=sum(group.parameters for group in inside) - routed,
        routed=routed,
        first=first,
        last=last,
        tied=sum(group.parameters for group in outside if group.tied_to),
        kept=sum(kept(block) * count for block, count in blocks) / spec.layers,
        routes=sum(getattr(block, "used", 0) * HALF * spec.hidden_size * count for block, count in blocks)
        / spec.layers,
        active=parts.active() - parts.input_embedding(),
        scores=sum(4 * _width(block) * count for block, count in attention),
    )


def _width(block: Attention | LatentAttention) -> int:
    """Elements of a query and of an output, in the middle."""
    if isinstance(block, LatentAttention):
        return block.heads * (block.nope + block.rope + block.v_head) // 2
    return block.heads * block.head_dim
