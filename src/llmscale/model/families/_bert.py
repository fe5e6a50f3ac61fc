"""The layer that BERT (arXiv:1810.04805) and its relatives share: attention, norm, MLP, norm, biases everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place
from llmscale.model.spec import PlacedBlock


def untied_bias(c: Config, tied_to: str | None, vocab: int) -> list[PlacedBlock]:
    """The second bias of a masked-language head whose table is untied; transformers 5 does not join it to the first."""
    bias = Parameter("head.out", (vocab,))
    return [] if tied_to or c.saved_by() < 5 else [place("cls.predictions.decoder.bias", bias)]


def encoder_layer(
    hidden: int,
    intermediate: int,
    heads: int,
    head_dim: int,
    names: tuple[str, ...] = ("self.query", "self.key", "self.value", "output.dense"),
) -> Iterator[Named]:
    """One layer of the original transformer's encoder: attention, norm, MLP, norm."""
    yield (
        "attention",
        Attention(hidden, heads, heads, head_dim, names=names, qkv_bias=True, out_bias=True, cached=False),
    )
    yield "attention.output.LayerNorm", Norm(hidden, bias=True)
    yield "", Mlp(hidden, intermediate, ("intermediate.dense", "output.dense"), bias=True)
    yield "output.LayerNorm", Norm(hidden, bias=True)
