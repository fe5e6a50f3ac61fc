"""What a building block keeps for backward: one entry for each type that is modelled."""

from __future__ import annotations

from functools import singledispatch
from math import prod

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp, StackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import Block
from llmscale.records import NamedTuple
from llmscale.training.activations.attention import attend
from llmscale.training.activations.experts import mixture
from llmscale.training.activations.graph import Graph, Value, alias, gradient, weight
from llmscale.training.activations.latent import attend_latent
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import (
    Setting,
    activation,
    cast,
    gelu_by_parts,
    layer_norm,
    multiply,
    relu,
    rms_norm,
)
from llmscale.training.activations.stacked import stacked
from llmscale.training.activations.style import Trait


class Piece(NamedTuple):
    """A part of a model while it is recorded: the graph, the name that the block's tensors begin with, how, and what
    attention reads that is not its own input."""

    graph: Graph
    prefix: str
    setting: Setting
    style: Trait
    memory: Value | None = None


@singledispatch
def record(block: Block, piece: Piece, x: Value) -> Value:
    """Record what a block does to `x`.

    Raises:
        TypeError: it has no entry here.
    """
    raise TypeError(f"What {type(block).__name__} keeps for backward is not modelled.")


def is_modelled(block: Block) -> bool:
    """Whether `record` has an entry for it."""
    return record.dispatch(type(block)) is not record.dispatch(object)


@record.register(Norm)
def _(block: Norm, piece: Piece, x: Value) -> Value:
    if piece.style.norm == "layer":
        return layer_norm(piece.graph, x, block.size, piece.setting)
    return rms_norm(piece.graph, x, block.size, piece.setting, piece.style.norm)


@record.register(Linear)
def _(block: Linear, piece: Piece, x: Value) -> Value:
    """The layer before the head of a masked language model, with its activation."""
    made = linear(piece.graph, x, block.in_, block.out, piece.prefix[:-1], piece.setting, block.bias)
    return activation(piece.graph, made)


@record.register(Parameter)
def _(block: Parameter, piece: Piece, x: Value) -> Value:
    """The bias of the head, added by the product itself."""
    own = [weight(prod(block.shape) * piece.setting.width)] if piece.setting.trains else []
    return piece.graph.view(x, [x.elements], [*own, alias()])[0]


@record.register(Attention)
def _(block: Attention, piece: Piece, x: Value) -> Value:
    return attend(piece.graph, x, block, piece.prefix, piece.setting, piece.style, piece.memory)


@record.register(LatentAttention)
def _(block: LatentAttention, piece: Piece, x: Value) -> Value:
    return attend_latent(piece.graph, x, block, piece.prefix, piece.setting, piece.style)


@record.register(GatedMlp)
def _(block: GatedMlp, piece: Piece, x: Value) -> Value:
    graph, setting, width = piece.graph, piece.setting, block.intermediate
    names = [f"{piece.prefix}{name}" for name in block.names]
    if len(names) == 2:
        both = linear(graph, x, block.hidden, 2 * width, names[0], setting, block.bias)
        gate, up = graph.view(both, [both.elements // 2] * 2, [gradient()])
        act = activation(graph, gate)
    else:
        gate = linear(graph, x, block.hidden, width, names[0], setting, block.bias)
        act = gelu_by_parts(graph, gate) if piece.style.gelu_by_parts else activation(graph, gate)
        up = linear(graph, x, block.hidden, width, names[1], setting, block.bias)
    both = multiply(graph, act, up)
    both = cast(graph, both, setting.width) if piece.style.widened else both
    out = linear(graph, both, width, block.hidden, names[-1], setting, block.bias)
    graph.hold(x)
    return out


@record.register(MixtureOfExperts)
def _(block: MixtureOfExperts, piece: Piece, x: Value) -> Value:
    return mixture(piece.graph, x, block, piece.prefix, piece.setting, piece.style)


@record.register(StackedExperts)
def _(block: StackedExperts, piece: Piece, x: Value) -> Value:
    return stacked(piece.graph, x, block, piece.setting)


@record.register(Mlp)
def _(block: Mlp, piece: Piece, x: Value) -> Value:
    graph, setting = piece.graph, piece.setting
    up, down = (f"{piece.prefix}{name}" for name in block.names)
    wide = linear(graph, x, block.hidden, block.intermediate, up, setting, block.bias)
    if piece.style.relu:
        act = relu(graph, wide)
    else:
        act = gelu_by_parts(graph, wide) if piece.style.gelu_by_parts else activation(graph, wide)
    act = cast(graph, act, setting.width) if piece.style.widened else act
    return linear(graph, act, block.intermediate, block.hidden, down, setting, block.bias)
