"""The layers that MLX's graph is built of, out of a model's blocks or out of its shape alone."""

from __future__ import annotations

from llmscale.model.shape import LayerCache, Shape
from llmscale.model.spec import Block, ModelSpec
from llmscale.runtimes.mlx.blocks import parts_of
from llmscale.runtimes.mlx.parts import Attend, Feed, Latent, Layer, Mixer
from llmscale.runtimes.mlx.rules import ROTATING, ROTATING_SOME

#: Elements of a head, and what part of the residual stream has one head of latent attention (DeepSeek-V3), where only
#: the shape is known.
HEAD, LATENT_HEAD = 128, 56


def layers_of(spec: ModelSpec, count: int) -> tuple[Layer, ...]:
    """The last `count` layers of a model."""
    placed: dict[int, list[Block]] = {}
    for part in spec.placed:
        for number in part.layers if part.tower is None else ():
            placed.setdefault(number, []).append(part.block)
    rotates = rotating(spec)
    return tuple(_layer(placed[number], spec.hidden_size, rotates) for number in sorted(placed)[-count:])


def _layer(blocks: list[Block], hidden: int, rotates: bool) -> Layer:
    parts = [parts_of(block, hidden, rotates) for block in blocks]
    mixers = tuple(mixer for part in parts for mixer in part.mixers)
    return Layer(mixers, tuple(feed for part in parts for feed in part.feeds))


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
    number = min(count, max(1, shape.layers))
    caches = [cache for cache in shape.caches if cache.source == "self"]
    if not caches:
        heads = max(1, shape.hidden // HEAD)
        none = Attend(heads, HEAD, HEAD, shape.hidden, shape.hidden, shape.hidden, cached=False)
        return (Layer((none,), feed),) * number
    total = sum(cache.layers for cache in caches)
    # Kinds in turn, each as often as the model has it.
    spread = sorted(
        ((at + 0.5) / cache.layers, kind) for kind, cache in enumerate(caches) for at in range(cache.layers)
    )
    picked = [caches[spread[at * total // number][1]] for at in range(min(number, total))]
    return tuple(Layer((_mixer(shape, cache),), feed) for cache in picked)


def _mixer(shape: Shape, cache: LayerCache) -> Mixer:
    """What keeps such a cache: latent attention where K, the latent, is far wider than V, its rotary part."""
    if cache.keys > 2 * cache.values > 0:
        return Latent(shape.hidden // LATENT_HEAD, None, cache.keys, HEAD, cache.values, HEAD)
    heads = max(1, shape.hidden // HEAD)
    return Attend(heads, HEAD, HEAD, shape.hidden, cache.keys, cache.values, cache.window)
