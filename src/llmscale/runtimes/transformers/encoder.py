"""Encoders: one call of a text or vision model that keeps nothing between tokens.

After ``BertLayer`` and its like (norms behind), ``ViTLayer``, ``CLIPEncoderLayer`` and theirs (norms before), and
``DebertaV2Encoder``, which collects the output of every layer. Of a batch without padding no mask is made but by
DeBERTa, and by ModernBERT for its windows. Of a model with two towers the vision tower runs first.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.runtimes.transformers.attention import attend_all, by_hand, disentangled, softmaxed
from llmscale.runtimes.transformers.mlp import gated, plain
from llmscale.runtimes.transformers.ops import INT64, Step, norm
from llmscale.runtimes.transformers.styles import ENCODERS, Style
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: The role of tables of biases.
BIASES = "attention.relative_bias"
#: Roles of what stands before the patches, each row a token more.
PREFIX = frozenset({"embedding.class", "embedding.register"})


class Layer(NamedTuple):
    """One layer's mixers."""

    attention: Attention
    mlp: Mlp | GatedMlp


class Tower(NamedTuple):
    """One stack of layers.

    Attributes:
        layers: layers, the first and the last of them, which are all that differ.
        picture: tokens of one picture; 0 for text.
        pixels: elements of one picture.
        words: width of the word embeddings.
        buckets: rows of DeBERTa's relative positions.
        window: tokens of one side of a window, of Swin.
        heard: whether its input is sound.
    """

    hidden: int
    layers: int
    first: Layer
    last: Layer
    picture: int = 0
    pixels: int = 0
    words: int = 0
    buckets: int = 0
    window: int = 0
    heard: bool = False


@lru_cache(maxsize=64)
def towers_of(spec: ModelSpec) -> tuple[Tower, ...]:
    """The stacks in the order in which they run; empty for a model that is not an encoder that is gone through."""
    if spec.family not in ENCODERS or any(placed.block.cache() for placed in spec.placed):
        return ()
    names = dict.fromkeys(placed.tower for placed in spec.placed if placed.layers)
    towers = [tower_of(spec, [placed for placed in spec.placed if placed.tower == name]) for name in names]
    return tuple(tower for tower in towers if tower) if all(towers) else ()


def tower_of(spec: ModelSpec, placed: list[PlacedBlock]) -> Tower | None:
    """The stack that these blocks are; None where a layer is not one attention and one MLP."""
    if spec.family in ENCODERS and ENCODERS[spec.family].windowed:
        placed = [each for each in placed if not each.layers or "layers.0." in each.prefix]
    found: dict[int, tuple[list[Attention], list[Mlp | GatedMlp]]] = {}
    for each in placed:
        for layer in each.layers:
            mixers = found.setdefault(layer, ([], []))
            if isinstance(each.block, Attention):
                mixers[0].append(each.block)
            elif isinstance(each.block, (Mlp, GatedMlp)):
                mixers[1].append(each.block)
    if any(len(attentions) != 1 or len(mlps) != 1 for attentions, mlps in found.values()):
        return None
    layers = [Layer(found[number][0][0], found[number][1][0]) for number in sorted(found)]
    outside = [each.block for each in placed if not each.layers]
    biases = [each.block.shape[0] for each in placed if isinstance(each.block, Parameter) and each.block.role == BIASES]
    # ALBERT's one layer stands for all.
    depth = max(len(layers), spec.layers) if spec.family == "albert" else len(layers)
    tower = Tower(layers[0].attention.hidden, depth, layers[0], layers[-1])
    patches = [block for block in outside if isinstance(block, PatchEmbedding)]
    tables = [block for block in outside if isinstance(block, Embedding)]
    places = [table.rows for table in tables if table.role == "embedding.position"]
    if not patches:
        buckets = [table.rows for table in tables if table.role == "attention.relative_bias"]
        return tower._replace(words=tables[0].width if tables else 0, buckets=sum(buckets))
    tokens = spec.sequence or sum(places)
    before = sum(_rows(block) for block in outside if isinstance(block, Parameter) and block.role in PREFIX)
    # A table has a row for each distance within a window.
    window = (isqrt(biases[0]) + 1) // 2 if biases else 0
    return tower._replace(
        picture=tokens, window=window, pixels=(tokens - before) * patches[0].channels * patches[0].patch ** 2
    )


def _rows(block: Parameter) -> int:
    return block.shape[-2] if len(block.shape) > 1 else 1


def encode(spec: ModelSpec, step: Step) -> Tape:
    """Everything that one call allocates besides the weights: what it is given, and what it answers, too."""
    tape, style, towers = Tape(), ENCODERS[spec.family], towers_of(spec)
    for tower in towers:
        if tower.pixels:
            tape.new("pixels", step.batch * tower.pixels, step.width)
    if not all(tower.picture for tower in towers):
        for name in ("tokens", "attention mask") + (("segments",) if style.states_kept else ()):
            tape.new(name, step.rows, INT64)
    for tower in towers:
        of = step._replace(tokens=tower.picture or step.tokens)
        if style.joined:
            of = of._replace(batch=1, tokens=of.rows)
        stack(tape, of, style, tower)
    heads = [placed.block for placed in spec.placed if isinstance(placed.block, Head)]
    if heads and not any(tower.picture for tower in towers):
        if any(isinstance(placed.block, Linear) and placed.block.role == "head.transform" for placed in spec.placed):
            tape.new("transformed hidden states", step.rows * heads[0].hidden, step.width)
        tape.new("logits", step.rows * heads[0].vocab, step.width)
    return tape


def stack(tape: Tape, step: Step, style: Style, tower: Tower) -> Buffer:
    """The hidden states after one tower."""
    mark, n, width = tape.mark(), step.rows * tower.hidden, step.width
    embedded = None
    if style.mapped:
        tape.new("narrow embeddings", step.rows * tower.words, width)
    else:
        embeddings = [tape.new("embeddings", n, width) for _ in range(style.embeddings)]
        embedded = embeddings[-1]
        if style.embeddings == 2 and not tower.heard:
            tape.new("embeddings of positions", step.tokens * tower.hidden, width)
    masked = _mask(tape, step, style, tower)
    if style.rotary != "none":
        # Of one sequence, for all.
        if not tower.picture:
            tape.new("positions", step.tokens, INT64)
        size = 2 * step.tokens * tower.first.attention.head_dim
        tape.new("cosines and sines", size * style.rope_tables, width)
    for number, layer in ((0, tower.first), (tower.layers - 1, tower.last)):
        given = embedded if embedded and not number else tape.new("input of the layer", n, width)
        earlier = (
            tape.new("outputs of earlier layers", (number - 1) * n, width) if style.states_kept and number else None
        )
        inner = tape.mark()
        (_behind if style.behind else _before)(tape, step, style, tower, layer, given, masked=masked)
        tape.leave(inner)
        tape.free(*([earlier] if earlier else []))
        if given is not embedded or style.embeddings > 1:
            tape.free(given)
    last = tape.new("output of the layers", n, width)
    kept = [last]
    if style.states_kept:
        kept.append(tape.new("outputs of all layers", (tower.layers - 1) * n, width))
        kept += [embedded] if embedded else []
    if not style.behind:
        normed = norm(tape, "last hidden state", n, tower.hidden, step, style.norm)
        kept = [normed]
    tape.leave(mark, *kept)
    return kept[0]


def _mask(tape: Tape, step: Step, style: Style, tower: Tower) -> bool:
    """Whether SDPA is given a mask."""
    pairs = step.tokens * step.tokens
    if style.states_kept:
        tape.new("mask of pairs", step.batch * pairs, INT64)
        if tower.buckets:
            tape.new("relative positions", pairs, INT64)
            tape.new("normed relative positions", tower.buckets * tower.hidden, step.width)
        return True
    if style.joined:
        tape.new("mask of pictures", pairs, step.width)
        return True
    if style.biased:
        # compute_bias: buckets of all distances in integers, then one bias of each head.
        heads = tower.first.attention.heads
        tape.new("normed input, Q, K and V of the first layer", 4 * step.rows * tower.hidden, step.width)
        whole = [tape.new(f"buckets of positions, {number} of 6", pairs, INT64) for number in range(1, 7)]
        whole.append(tape.new("short distances", pairs, 1))
        tape.free(*whole[1:])
        tape.new("biases of positions", pairs * heads, step.width)
        tape.free(whole[0])
        tape.drop("normed input, Q, K and V of the first layer")
        return True
    if not style.masked or step.flash:
        return False
    differences = [tape.new(name, pairs, INT64) for name in ("distances with their sign", "distances")]
    tape.free(*differences)
    causal = tape.new("mask", step.batch * pairs, 1)
    if by_hand(step, style):
        tape.new("mask", step.batch * pairs, step.width)
        tape.free(causal)
    return True


def _attend(tape: Tape, step: Step, style: Style, tower: Tower, layer: Layer, *, masked: bool) -> Buffer:
    if style.states_kept:
        return disentangled(tape, step, layer.attention, tower.buckets)
    return attend_all(tape, step, layer.attention, style, masked=masked)


def _within(tape: Tape, step: Step, style: Style, tower: Tower, layer: Layer) -> Buffer:
    """``SwinLayer.forward`` of a layer whose windows are shifted: these stay to the end of the layer."""
    n, width, heads = step.rows * tower.hidden, step.width, layer.attention.heads
    area = tower.window**2
    padded = tape.new("padded input", n, width)
    shifted = tape.new("shifted input", n, width)
    tape.new("windows", n, width)
    tape.free(shifted)
    tape.new("mask of windows", step.tokens * area, width)
    mark = tape.mark()
    for name in "QKV":
        tape.new(name, n, width)
    tape.new("biases and mask of windows", step.rows * area * heads, width)
    if by_hand(step, style):
        soft = softmaxed(tape, step, style, (heads, area), tower.hidden)
    else:
        tape.new("mask in rows of 16", step.rows * heads * -(-area // 16) * 16, width)
        soft = None
    tape.new("attention", n, width)
    out = tape.new("attention output", n, width)
    tape.leave(mark, out, *([soft] if soft else []))
    tape.free(padded)
    tape.new("windows shifted back", n, width)
    return out


def _feed(tape: Tape, step: Step, style: Style, layer: Layer, given: Buffer) -> Buffer:
    if isinstance(layer.mlp, GatedMlp):
        fused = len(layer.mlp.names) == 2 and not style.parted
        return gated(tape, step, layer.mlp.hidden, layer.mlp.intermediate, fused, act=style.act)
    return plain(tape, step, layer.mlp, style._replace(act="fused") if style.biased else style, given)


def _behind(tape: Tape, step: Step, style: Style, tower: Tower, layer: Layer, given: Buffer, *, masked: bool) -> None:
    """``norm(x + attention(x))``, then ``norm(x + mlp(x))``."""
    n, size = step.rows * tower.hidden, tower.hidden
    out = _attend(tape, step, style, tower, layer, masked=masked)
    added = tape.new("sum", n, step.width)
    states = norm(tape, "output of the attention", n, size, step, style.norm)
    tape.free(added, *([] if style.attention_kept else [out]))
    out = _feed(tape, step, style, layer, states)
    tape.new("sum", n, step.width)
    norm(tape, "output of the layer", n, size, step, style.norm)


def _before(tape: Tape, step: Step, style: Style, tower: Tower, layer: Layer, given: Buffer, *, masked: bool) -> None:
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""
    n, size = step.rows * tower.hidden, tower.hidden
    inputs = norm(tape, "normed input", n, size, step, style.norm)
    out = _within(tape, step, style, tower, layer) if style.windowed else None
    out = out or _attend(tape, step, style, tower, layer, masked=masked)
    tape.free(inputs)
    tape.new("residual", n, step.width)
    if not style.windowed:
        tape.free(out)
    inputs = norm(tape, "normed input", n, size, step, style.norm)
    _feed(tape, step, style, layer, inputs)
    tape.free(inputs)
    tape.new("output of the layer", n, step.width)
