"""One step of ``generate``: embedding, masks, layers, head, and what the sampler makes of the logits.

Depth changes nothing but the cache, so of layers that are alike only the first and the last are gone through: between
them nothing but the cache grows, or shrinks where a window lets go of the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Griffin, Mamba, Mamba2, RwkvChannelMix, RwkvTimeMix, ShortConvolution
from llmscale.model.blocks.tied import Tied
from llmscale.model.spec import Block, CacheShape, ModelSpec
from llmscale.runtimes.transformers.attention import Indexed, attend, attend_latent, by_hand, kept, seen, stored
from llmscale.runtimes.transformers.encoder import encode, towers_of
from llmscale.runtimes.transformers.mamba import channel_mix, griffin, mamba, mamba2, time_mix
from llmscale.runtimes.transformers.mamba import state_bytes as scanned_bytes
from llmscale.runtimes.transformers.mlp import Experts, experts_of, gated, mixture, plain, with_shared
from llmscale.runtimes.transformers.ops import FP32, INT64, Step, norm
from llmscale.runtimes.transformers.recurrent import delta_net, short_convolution, state_bytes
from llmscale.runtimes.transformers.seq2seq import converse, pair_of, settled_of
from llmscale.runtimes.transformers.styles import ENCODERS, LLAMA, SEQ2SEQ, STYLES, UNLIKE, Style, name_of
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: Tensors of token numbers: the prompt and its mask, which the caller holds, positions, and the step's own copy.
TOKEN_TENSORS = ("prompt", "attention mask", "positions", "ids of the step")
#: Recurrent blocks of `mamba`.
SCANNED = (Mamba, Mamba2, Griffin, RwkvTimeMix, RwkvChannelMix)
#: Orders of norms and blocks that are gone through: before, behind, around, and beside each other.
PATTERNS = frozenset({"NMNM", "MNMN", "NMNNMN", "NMM", "NNMM", "NMNNMNNMNN", "NM", "NMMNM", "NMNNMNN"})
#: Gemma 4's experts beside its MLP, each with norms of its own.
BESIDE = "NMNNMNNMNN"
#: Falcon-H1's Mamba-2 and attention of the same input.
BOTH = "NMMNM"
#: The gate of a shared expert, the scalar by which Gemma 4 multiplies a layer's output, and those of an activation.
SMALL = (
    "router.shared_gate",
    "other.layer_scalar",
    "mlp.activation",
    "attention.sinks",
    "other.per_layer_gate",
    "other.per_layer_projection",
)
#: The gates of Llama 3.2's layers that look at pictures, one number each.
GATES = ("attention.gate", "mlp.gate")
#: After the first step also: mask, positions and ids, each grown by a token.
GROWN_TENSORS = ("ids", "grown mask", "grown positions")


class Shared(NamedTuple):
    """Zamba 2's Mamba-2 behind the transformer that several layers share, which is narrower than the scan."""

    mixer: Mamba2
    attention: Attention

    def cache(self) -> CacheShape | None:
        """What the transformer keeps."""
        return self.attention.cache()


#: A block, or what stands for several that a `ModelSpec` has beside each other.
Part = Block | Experts | Indexed | Shared


class Plan:
    """What of a model the steps are made of."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.style = style_of(spec)
        self.layers = layers_of(spec)
        attending = [b.attention if isinstance(b, (Indexed, Shared)) else b for b in self.blocks]
        heads = [b for b in attending if isinstance(b, (Attention, LatentAttention))]
        self.latent = any(isinstance(block, LatentAttention) for block in heads)
        self.per_layer = sum(
            placed.block.width
            for placed in spec.placed
            if isinstance(placed.block, Embedding) and placed.block.role == "embedding.per_layer"
        )
        self.windows = {getattr(block, "window", None) for block in heads}
        self.share = self.style.rope_share if spec.rotary_share == 1 else spec.rotary_share
        # Elements of one token's cosines, for each table.
        sizes = {
            block.rope if isinstance(block, LatentAttention) else int(block.head_dim * self.share) for block in heads
        }
        self.tables = sum(sizes) if len(sizes) > 1 else sum(sizes) * self.style.rope_tables

    @cached_property
    def blocks(self) -> list[Part]:
        return [block for blocks in dict.fromkeys(self.layers) for block in blocks]


@lru_cache(maxsize=16)
def plan_of(spec: ModelSpec) -> Plan:
    return Plan(spec)


@lru_cache(maxsize=16)
def told(spec: ModelSpec) -> bool:
    """Whether the model's code is gone through: an encoder, or blocks that are known in an order that is known."""
    if towers_of(spec) or pair_of(spec):
        return True
    if name_of(spec.text_family or spec.family) in UNLIKE or not spec.shape_known or not spec.vocab_size:
        return False
    plan = plan_of(spec)
    patterns = {_pattern(blocks, plan.style) for blocks in plan.layers}
    if spec.family == "falcon" and all(b.heads == b.kv_heads for b in plan.blocks if isinstance(b, Attention)):
        return False  # ALiBi, which only Falcons without grouped heads have
    if not plan.per_layer and not all(b.owns_kv for b in plan.blocks if isinstance(b, Attention)):
        return False
    return bool(patterns) and patterns <= PATTERNS and all(map(_known, plan.blocks))


def settled(spec: ModelSpec, step: Step) -> int:
    """Bytes of the KV cache that stay after so many tokens, windows cut to their size, and of recurrent states."""
    if pair := pair_of(spec):
        return settled_of(spec, pair, step)
    total = state_of(plan_of(spec), step)
    for blocks in plan_of(spec).layers:
        for block in blocks:
            shape = None if isinstance(block, Experts) else block.cache()
            if shape and shape.source == "self":
                rows = min(step.seen, shape.window) if shape.window else step.seen
                total += step.batch * rows * (shape.keys + shape.values) * step.width
    return total


def state_of(plan: Plan, step: Step) -> int:
    """Bytes of the states of recurrent layers."""
    blocks = [block for layer in plan.layers for block in layer]
    total = sum(state_bytes(block, step) for block in blocks if isinstance(block, (GatedDeltaNet, ShortConvolution)))
    scanned = [block.mixer if isinstance(block, Shared) else block for block in blocks]
    return total + sum(scanned_bytes(block, step) for block in scanned if isinstance(block, SCANNED))


def _known(block: Part) -> bool:
    if isinstance(block, Attention):
        return block.cached and not block.relative_bias
    if isinstance(block, (Norm, LatentAttention, Indexed, GatedMlp, Mlp, Experts)):
        return True
    if isinstance(block, (GatedDeltaNet, ShortConvolution, Shared, *SCANNED)):
        return True
    return experts_of(block) is not None


def _pattern(blocks: Iterable[Part], style: Style) -> str:
    """The order of norms (N) and what they stand before or behind (M)."""
    return "NMNM" if style.norm == "bare" else "".join("N" if isinstance(block, Norm) else "M" for block in blocks)


def style_of(spec: ModelSpec) -> Style:
    if spec.family in ENCODERS or spec.family in SEQ2SEQ:
        return (ENCODERS | SEQ2SEQ)[spec.family]
    return STYLES.get(name_of(spec.text_family or spec.family), LLAMA)


def layers_of(spec: ModelSpec) -> tuple[tuple[Part, ...], ...]:
    """The blocks of each layer in the order of the forward pass.

    Blocks of one name that differ from layer to layer stand apart in a `ModelSpec`; each takes the place that the name,
    or the block that it stands for, has in the layers before it.
    """
    slots: list[str] = []
    found: dict[int, dict[str, Block]] = {}
    for placed in spec.placed:
        if placed.tower is None and placed.layers:
            for layer in placed.layers:
                found.setdefault(layer, {})[placed.prefix] = placed.block
    layers = []
    for layer in range(len(found)):
        blocks = found[layer]
        if not slots:
            slots = list(blocks)
        missing = [slot for slot in slots if slot not in blocks]
        order = {slot: number for number, slot in enumerate(slots)}
        for name in blocks:
            if name not in order:
                order[name] = order[missing.pop(0)] if missing else len(slots)
        ordered = [blocks[name] for name in sorted(blocks, key=lambda name: order[name])]
        layers.append(tuple(_joined(ordered, spec.hidden_size)))
    return tuple(layers)


def _joined(blocks: list[Block], hidden: int) -> list[Part]:
    """The blocks of a layer without norms inside attention, and a shared expert with those that it stands beside.

    What multiplies one element a token, or all by the same, takes nothing.
    """
    if any(isinstance(block, Linear) and block.role == "other.hybrid" for block in blocks):
        whole = [block.block if isinstance(block, Tied) else block for block in blocks]
        mixers = [block for block in whole if isinstance(block, Mamba2)]
        attentions = [block for block in whole if isinstance(block, Attention)]
        return [Norm(hidden), Shared(mixers[0], attentions[0])] if mixers and attentions else list(blocks)
    if any(isinstance(block, Linear) and block.role == "other.altup" for block in blocks):
        main = [block for block in blocks if isinstance(block, (Attention, GatedMlp))]
        around = Norm(hidden)
        return [part for block in main for part in (around, block, around)]
    parts: list[Part] = []
    for block in blocks:
        if isinstance(block, Norm) and block.size != hidden:
            continue
        if isinstance(block, (Linear, Parameter)) and block.role in SMALL:
            continue
        if isinstance(block, Parameter) and block.role in GATES:
            continue
        last = parts[-1] if parts else None
        if isinstance(block, Indexer) and isinstance(last, LatentAttention):
            parts[-1] = Indexed(last, block)
            continue
        if isinstance(block, Linear) and block.role == "attention.gate" and isinstance(last, Attention):
            parts[-1] = replace(last, query_gate=True)
            continue
        if isinstance(block, Parameter) and block.role == "norm" and isinstance(last, Attention):
            parts[-1] = replace(last, qk_norm=(block.shape[-1], block.shape[-1]))  # Command R+'s, of each head
            continue
        before = (
            experts_of(last) if last is not None and not isinstance(last, (Norm, Experts, Indexed, Shared)) else None
        )
        if before and isinstance(block, GatedMlp) and block.component == "shared_experts":
            parts[-1] = with_shared(before, block)
        else:
            parts.append(block)
    # RWKV's first layer normalises the embeddings too.
    return parts[-4:] if any(isinstance(part, RwkvTimeMix) for part in parts) else parts


def simulate(spec: ModelSpec, step: Step) -> Tape:
    """Everything that one step allocates besides the weights."""
    if towers_of(spec):
        return encode(spec, step)
    if pair := pair_of(spec):
        return converse(spec, pair, step)
    plan = plan_of(spec)
    tape, style, width = Tape(), plan.style, step.width
    hidden, n, stream = spec.hidden_size, step.rows, FP32 if style.stream_in_fp32 else width
    if step.past:
        tape.new("FP32 logits of the step before", step.batch * spec.vocab_size, FP32)
    for name in TOKEN_TENSORS + (GROWN_TENSORS if step.past else ()):
        tape.new(name, step.batch * (1 if name == "ids of the step" and step.past else step.seen), INT64)
    embedded = [tape.new("embeddings", n * hidden, width) for _ in range(style.embeddings)]
    if plan.per_layer:
        _per_layer(tape, step, n * plan.per_layer)
    masks = _masks(tape, step, plan)
    if style.rotary != "none":
        tape.new("cosines and sines", 2 * n * plan.tables, style.table_width or width)
    after = [_cached(blocks, step, kept) for blocks in plan.layers]
    before = [_cached(blocks, step, stored) for blocks in plan.layers]
    tape.hold("recurrent states", state_of(plan, step))
    cache = tape.hold("KV cache of other layers", 0)
    for layer in _told(plan.layers):
        if _looks(plan.layers[layer]):
            continue  # without a picture they are left out
        if style.sliced and step.tokens > 1 and not (step.flash or step.static) and _borrows(plan.layers[layer]):
            continue  # of a prompt only the last token goes through them
        tape.free(cache)
        others = sum(after[:layer]) + (sum(before[layer + 1 :]) if step.past or step.static else 0)
        if step.static:
            others = sum(after) - after[layer]
        cache = tape.hold("KV cache of other layers", others)
        given = embedded[-1]
        if layer or style.streams > 1:
            given = tape.new("input of the layer", n * hidden * style.streams, stream)
        before_it = None
        if layer and style.scores_returned and by_hand(step, style):
            elements = _scores(plan.layers[layer - 1], step)
            before_it = tape.new("scores of the layer before", elements, width) if elements else None
        mark = tape.mark()
        _layer(tape, step, plan, plan.layers[layer], masks, given)
        tape.leave(mark)
        if given is not embedded[-1]:
            tape.free(given, *([before_it] if before_it else []))
    tape.free(cache)
    tape.hold("KV cache", sum(after))
    last = tape.new("output of the layers", n * hidden, stream)
    normed = norm(tape, "last hidden state", n * hidden, hidden, step, style.norm)
    tape.free(last)
    judged = step.rows if step.all_logits else step.batch
    tape.new("logits", judged * spec.vocab_size, width)
    if step.all_logits:
        tape.new("FP32 logits", judged * spec.vocab_size, FP32)
        return tape
    tape.free(normed, *embedded)
    tape.new("FP32 logits", judged * spec.vocab_size, FP32)
    return tape


def _looks(blocks: tuple[Part, ...]) -> bool:
    """Whether the layer attends to a picture."""
    return any(isinstance(block, Attention) and block.source == "cross" for block in blocks)


def _borrows(blocks: tuple[Part, ...]) -> bool:
    """Whether the layer attends to another's K and V."""
    return any(isinstance(block, Attention) and not block.owns_kv for block in blocks)


def _per_layer(tape: Tape, step: Step, n: int) -> None:
    """``get_per_layer_inputs`` and ``project_per_layer_inputs`` of Gemma 4: every layer's own input of each token."""
    width = step.width
    looked_up = tape.new("per-layer embeddings", n, width)
    scaled = tape.new("scaled per-layer embeddings", n, width)
    tape.free(looked_up)
    raw = tape.new("per-layer projection", n, width)
    projected = tape.new("scaled per-layer projection", n, width)
    tape.free(raw)
    normed = norm(tape, "normed per-layer projection", n, n // step.rows, step, "gemma")
    tape.free(projected)
    summed = tape.new("sum of per-layer inputs", n, width)
    tape.new("per-layer inputs", n, width)
    tape.free(summed, normed, scaled)


def _scores(blocks: tuple[Part, ...], step: Step) -> int:
    return sum(step.rows * block.heads * seen(block.window, step) for block in blocks if isinstance(block, Attention))


def _told(layers: tuple[tuple[Part, ...], ...]) -> list[int]:
    first: dict[tuple[Part, ...], int] = {}
    last: dict[tuple[Part, ...], int] = {}
    for number, blocks in enumerate(layers):
        first.setdefault(blocks, number)
        last[blocks] = number
    return sorted({*first.values(), *last.values()})


def _cached(blocks: tuple[Part, ...], step: Step, rows: Callable[[int | None, Step], int]) -> int:
    total = 0
    for block in blocks:
        shape = None if isinstance(block, Experts) else block.cache()
        if shape and shape.source == "self":
            total += step.batch * rows(shape.window, step) * (shape.keys + shape.values) * step.width
    return total


def _masks(tape: Tape, step: Step, plan: Plan) -> set[int | None]:
    """Masks that the model makes; the windows whose layers are given one."""
    made: set[int | None] = set()
    style, single = plan.style, by_hand(step, plan.style)
    if step.flash:
        return made
    for window in plan.windows | ({1} if style.spare_mask else set()):
        rows = seen(window, step) if window != 1 else step.seen
        if not (single or style.masked or (window is not None and rows >= window)):
            continue
        size = step.masks * step.tokens * rows
        causal = tape.new("mask", size, 1)
        if window:
            tape.free(tape.new("mask of the window", 2 * size, 1))
        if single:
            tape.new("mask", step.batch * step.tokens * rows, step.width)
            tape.free(causal)
        made.add(window)
    return made


def _layer(tape: Tape, step: Step, plan: Plan, blocks: tuple[Part, ...], masks: set[int | None], given: Buffer) -> None:
    style, share = plan.style, plan.share
    hidden, n, width = plan.spec.hidden_size, step.rows, step.width
    stream = FP32 if style.stream_in_fp32 else width

    def mixed(block: Part, inputs: Buffer) -> Buffer:
        if isinstance(block, Attention):
            return attend(tape, step, block, style, share, block.window in masks)
        if isinstance(block, LatentAttention):
            return attend_latent(tape, step, block, style)
        if isinstance(block, Indexed):
            return attend_latent(tape, step, block.attention, style, block.indexer)
        if isinstance(block, GatedMlp):
            return gated(tape, step, block.hidden, block.intermediate, len(block.names) == 2)
        if isinstance(block, Mlp):
            return plain(tape, step, block, style, inputs)
        if isinstance(block, GatedDeltaNet):
            return delta_net(tape, step, block)
        if isinstance(block, ShortConvolution):
            return short_convolution(tape, step, block)
        if isinstance(block, Mamba):
            return mamba(tape, step, block)
        if isinstance(block, Mamba2):
            return mamba2(tape, step, block, style.chunk)
        if isinstance(block, Griffin):
            return griffin(tape, step, block)
        if isinstance(block, RwkvTimeMix):
            return time_mix(tape, step, block)
        if isinstance(block, RwkvChannelMix):
            return channel_mix(tape, step, block)
        if isinstance(block, Shared):
            attend(tape, step, block.attention, style, share, block.attention.window in masks)
            tape.drop("softmax")
            return mamba2(tape, step, block.mixer, style.chunk)
        parts = block if isinstance(block, Experts) else experts_of(block)
        assert parts, type(block)
        return mixture(tape, step, parts, style)

    def normed(name: str) -> Buffer:
        return norm(tape, name, n * hidden, hidden, step, style.norm)

    mixers = [block for block in blocks if not isinstance(block, Norm)]
    pattern = _pattern(blocks, style)
    if style.streams > 1:
        # AltUp predicts all streams and corrects them by what the layer makes of one; LAuReL stands beside attention.
        tape.new("predictions", n * hidden * style.streams, width)
        normed("normed input")
        tape.new("output of LAuReL", n * hidden, width)
        raw = mixed(mixers[0], given)
        normed("normed output of the attention")
        tape.free(raw)
        tape.new("residual", n * hidden, width)
        tape.new("residual and LAuReL", n * hidden, width)
        normed("normed input of the MLP")
        inner = mixers[1]
        assert isinstance(inner, GatedMlp), type(inner)
        for name in ("gate", "activation of the gate", "up", "product"):
            tape.new(name, n * inner.intermediate, width)
        tape.new("MLP output", n * hidden, width)
        return
    if pattern in ("NMM", "NNMM"):
        inputs = normed("normed input")
        mixed(mixers[0], inputs)
        if pattern == "NNMM":
            tape.free(inputs)
            inputs = normed("normed input")
        mixed(mixers[1], inputs)
        tape.new("sum of both", n * hidden, width)
        tape.new("output of the layer", n * hidden, width)
        return
    before, behind = pattern[0] == "N", pattern[-1] == "N"
    residual = given
    if pattern == BOTH:
        inputs = normed("normed input")
        own = _cached(blocks, step, kept if step.static else stored)
        before_it = tape.hold("KV cache of the layer", own if step.past or step.static else 0)
        scanned, scaled = mixed(mixers[0], inputs), tape.new("scaled output", n * hidden, width)
        tape.free(scanned, before_it)
        attended = mixed(mixers[1], tape.new("scaled input", n * hidden, width))
        tape.new("scaled output", n * hidden, width)
        tape.free(attended)
        summed = tape.new("sum of both", n * hidden, width)
        residual = tape.new("residual", n * hidden, width)
        tape.free(inputs, scaled, summed)
        mixers = mixers[2:]
    for block in mixers[: 1 if pattern == BESIDE else None]:
        inputs = normed("normed input") if before else residual
        out = mixed(block, inputs)
        if inputs is not residual and not (style.input_kept and block is mixers[0] and pattern == "NMNM"):
            tape.free(inputs)
        if behind:
            raw, out = out, normed("normed output")
            tape.free(raw)
        added = tape.new("residual", n * hidden, stream)
        if not (style.attention_kept and pattern == "NMNM"):
            tape.free(out)
        if residual is not given:
            tape.free(residual)
        residual = added
    if pattern == BESIDE:
        inputs = normed("normed input")
        dense = mixed(mixers[1], inputs)
        tape.free(inputs)
        normed("normed output of the MLP")
        tape.drop("softmax")  # the variable that held the scores is the router's now
        inputs = normed("normed input of the experts")
        routed = mixed(mixers[2], inputs)
        tape.free(inputs)
        normed("normed output of the experts")
        tape.free(routed)
        tape.new("sum of both", n * hidden, width)
        tape.free(dense)
        normed("normed output")
        tape.new("residual", n * hidden, width)
