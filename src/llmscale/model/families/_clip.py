"""The pre-norm layer that CLIP, SigLIP and their kin share, for pixels and for words."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, stack
from llmscale.model.spec import PlacedBlock


def encoder(c: Config, prefix: str, hidden: int, layers: int, intermediate: int, heads: int) -> list[PlacedBlock]:
    """`layers` biased layers under `prefix`."""

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        yield "layer_norm1", Norm(hidden, bias=True)
        yield "self_attn", encoder_attention(c, hidden, heads, names)
        yield "layer_norm2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)

    return stack(f"{prefix}encoder.layers.{{layer}}", [None] * layers, blocks)
