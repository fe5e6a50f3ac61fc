"""What MLX's graph of a layer is built from: widths, out of a model's blocks or out of its shape alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import NamedTuple

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.blocks.tied import Tied
from llmscale.model.shape import Shape
from llmscale.model.spec import Block, ModelSpec, Tensor
from llmscale.runtimes.mlx.rules import ROTATING, ROTATING_SOME

#: Elements of a head, and what part of the residual stream has one head of latent attention (DeepSeek-V3), where only
#: the shape is known.
HEAD, LATENT_HEAD = 128, 56


class Attend(NamedTuple):
    """Attention of several heads.

    Attributes:
        queries: elements of a token's queries; its gate is as wide again.
        keys, values: elements of a token's K and V; 0 where they are another layer's.
        window: tokens of a rotating cache; None for one that keeps all.
        normed: whether queries and keys are normalised.
        cached: whether K and V are kept.
    """

    heads: int
    head_dim: int
    value_dim: int
    queries: int
    keys: int
    values: int
    window: int | None = None
    normed: bool = False
    gated: bool = False
    cached: bool = True


class Latent(NamedTuple):
    """Multi-head latent attention; see `LatentAttention`."""

    heads: int
    q_rank: int | None
    kv_rank: int
    nope: int
    rope: int
    v_head: int


class Recur(NamedTuple):
    """Anything else that mixes tokens.

    Attributes:
        matrices: each (outputs, inputs), the last of which leads back to the residual stream.
        heads: of Mamba-2, whose scan is made of matrices; 0 for others.
    """

    matrices: tuple[tuple[int, int], ...]
    heads: int = 0


class Feed(NamedTuple):
    """A feed-forward block, or experts of which each token takes `used`."""

    width: int
    gated: bool
    experts: int = 1
    used: int = 1


class Layer(NamedTuple):
    """A layer: what mixes tokens, then what does not."""

    mixers: tuple[Attend | Latent | Recur, ...]
    feeds: tuple[Feed, ...]


def layers_of(spec: ModelSpec, count: int) -> tuple[Layer, ...]:
    """The last `count` layers of a model."""
    placed: dict[int, list[Block]] = {}
    for part in spec.placed:
        for number in part.layers if part.tower is None else ():
            placed.setdefault(number, []).append(part.block)
    rotates = rotating(spec)
    return tuple(_layer(placed[number], spec.hidden_size, rotates) for number in sorted(placed)[-count:])


def rotating(spec: ModelSpec) -> bool:
    """Whether MLX keeps no more than the windows of a model's windowed layers."""
    family = spec.text_family or spec.family
    if family.startswith(ROTATING):
        return True
    windows = {cache.window for part in spec.placed if (cache := part.block.cache()) is not None}
    return family in ROTATING_SOME and None in windows


def assumed(shape: Shape, count: int) -> tuple[Layer, ...]:
    """Layers of a model of which only the shape is known."""
    feed = (Feed(shape.intermediate, gated=True),)
    heads = max(1, shape.hidden // HEAD)
    kinds: list[tuple[int, Attend | Latent]] = [
        (
            cache.layers,
            Latent(shape.hidden // LATENT_HEAD, None, cache.keys, HEAD, cache.values, HEAD)
            if cache.keys > cache.values > 0
            else Attend(heads, HEAD, HEAD, shape.hidden, cache.keys, cache.values, cache.window),
        )
        for cache in shape.caches
        if cache.source == "self"
    ]
    if not kinds:
        none = Attend(heads, HEAD, HEAD, shape.hidden, shape.hidden, shape.hidden, cached=False)
        return (Layer((none,), feed),) * min(count, max(1, shape.layers))
    total = sum(layers for layers, _ in kinds)
    number = min(count, max(1, shape.layers))
    # Kinds in turn, each as often as the model has it.
    spread = sorted(((at + 0.5) / layers, kind) for kind, (layers, _) in enumerate(kinds) for at in range(layers))
    picked = [spread[at * total // number][1] for at in range(min(number, total))]
    return tuple(Layer((kinds[kind][1],), feed) for kind in picked)


def _layer(blocks: Iterable[Block], hidden: int, rotates: bool) -> Layer:
    mixers: list[Attend | Latent | Recur] = []
    feeds: list[Feed] = []
    for outer in blocks:
        block = outer.block if isinstance(outer, Tied) else outer
        if isinstance(block, Attention):
            mixers.append(_attend(block, rotates))
        elif isinstance(block, LatentAttention):
            mixers.append(Latent(block.heads, block.q_rank, block.kv_rank, block.nope, block.rope, block.v_head))
        else:
            tensors = list(block.tensors())
            found = list(_feeds(tensors, hidden))
            feeds += found
            matrices = tuple(_matrix(t) for t in tensors if len(t.shape) == 2 and t.experts == 1)
            if matrices and not found:
                mixers.append(Recur(matrices, block.heads if isinstance(block, Mamba2) else 0))
    return Layer(tuple(mixers), tuple(feeds))


def _attend(block: Attention, rotates: bool) -> Attend:
    value_dim = block.v_head_dim or block.head_dim
    own = block.kv_heads if block.owns_kv else 0
    return Attend(
        heads=block.heads,
        head_dim=block.head_dim,
        value_dim=value_dim,
        queries=block.heads * block.head_dim,
        keys=own * block.head_dim,
        values=own * value_dim,
        window=block.window if rotates else None,
        normed=block.qk_norm is not None,
        gated=block.query_gate,
        cached=block.cached and block.source == "self",
    )


def _feeds(tensors: list[Tensor], hidden: int) -> Iterator[Feed]:
    parts = {tensor.role for tensor in tensors}
    for tensor in tensors:
        component, _, part = tensor.role.partition(".")
        if part == "down" and len(tensor.shape) >= 2:
            gated = bool({f"{component}.gate", f"{component}.gate_up"} & parts)
            yield Feed(prod(tensor.shape) // hidden, gated, tensor.experts, tensor.experts_used)


def _matrix(tensor: Tensor) -> tuple[int, int]:
    rows, columns = tensor.shape
    return (columns, rows) if tensor.transposed else (rows, columns)
