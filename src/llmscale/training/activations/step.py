"""Forward and backward of a whole model: its embedding, its layers, and the head with the loss.

Layers alike are recorded once; the most of all moments is then a matter of where each stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp, StackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import Block, ModelSpec, PlacedBlock
from llmscale.records import NamedTuple
from llmscale.training.activations.blocks import Piece, is_modelled, record
from llmscale.training.activations.graph import Graph, Value, gradient, weight
from llmscale.training.activations.image import classifier, patches
from llmscale.training.activations.listening import stacks
from llmscale.training.activations.losses import LOSSES
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import FP32, INT64, Setting, add, cross_entropy
from llmscale.training.activations.style import STYLES, Trait
from llmscale.training.activations.translating import translated
from llmscale.training.activations.walk import NONE, Segment, backward, forward, recorded, results

#: Blocks whose output is added to what came in.
MIXERS = (Attention, LatentAttention, Mlp, GatedMlp, MixtureOfExperts, StackedExperts)


class Passes(NamedTuple):
    """What a step holds besides weights and states.

    Attributes:
        kept: when forward has ended, for backward.
        forward, backward: the most in each; backward with the gradients of weights.
        gradients: of weights, when backward has ended.
        host: kept for backward in the host's memory.
    """

    kept: int
    forward: int
    backward: int
    gradients: int
    host: int = 0


def missing(spec: ModelSpec) -> str:
    """Why a model's activations are not modelled; empty where they are."""
    if spec.family not in STYLES:
        return f"model type '{spec.family}'"
    if STYLES[spec.family].image or STYLES[spec.family].stacks:
        return ""
    if not any(isinstance(placed.block, Head) for placed in spec.placed):
        return f"a '{spec.family}' without a head"
    for placed in spec.placed:
        if isinstance(placed.block, (Linear, Parameter)) and not placed.block.role.startswith("head."):
            return f"{type(placed.block).__name__} ({placed.block.role})"
        if not isinstance(placed.block, (Embedding, Head)) and not is_modelled(placed.block):
            return type(placed.block).__name__
    return ""


def fused(spec: ModelSpec) -> bool:
    """Whether the class takes the fused kernel; where not, as T5 with its bias, attention is single operations."""
    return spec.family not in STYLES or (STYLES[spec.family].sdpa and not STYLES[spec.family].translates)


def freezes(spec: ModelSpec) -> bool:
    """Whether layers at the end alone can be trained here: not where an encoder stands before a decoder."""
    return not STYLES[spec.family].stacks


def sends_away(spec: ModelSpec) -> bool:
    """Whether each layer is called with its input alone by place, so that nothing else goes to the host with it: in
    classes that rotate positions; GPT-2's and BERT's give masks by place too.

    Source: transformers 5.24.0 ``modeling_utils.py`` (``activation_checkpointing_enable``: ``save_on_cpu`` around
    ``checkpoint``), ``modeling_layers.py``; torch 2.13.0 ``utils/checkpoint.py`` (arguments by place are saved tensors,
    those by name are not).
    """
    return STYLES[spec.family].rotary


def counts_layers(spec: ModelSpec) -> bool:
    """Whether layers have one number each, by which some of them can be named: not in two stacks."""
    return not STYLES[spec.family].stacks


def passes(spec: ModelSpec, setting: Setting, checkpointing: int) -> Passes:
    """Forward and backward of one micro-batch; of each `checkpointing` layers the first is run again, of 0 none."""
    style = STYLES[spec.family]
    setting = setting if style.sdpa else setting._replace(eager=True)
    outer = setting._replace(trains=setting.trains and not setting.frozen)
    if style.stacks:
        stands = (translated if style.translates else stacks)(spec, outer, style, checkpointing == 1)
        return _put_together(stands.first, stands.between, stands.last, (stands.kept, 0), 0)
    tied = _tied_table(spec) * setting.width if outer.trains else 0
    again = checkpointing > 0
    first = patches(spec, outer) if style.image else _embedding(spec, outer, style, again)
    layers = list(_layers(spec, setting, style, outer.trains or again, checkpointing))
    last = classifier(spec, outer, style) if style.image else _head(spec, outer, style)
    shared = _shared(spec, outer, style, again)
    return _put_together(first, layers, last, shared, tied)


def _put_together(first: Segment, layers: list[Segment], last: Segment, shared: tuple[int, int], tied: int) -> Passes:
    kept, forward_only = shared
    start = kept + first.forward.kept
    highest = copies = 0
    for segment in layers:
        for _ in range(segment.times):
            highest = max(highest, start + forward_only + copies + segment.forward.peak)
            start += segment.forward.kept
            copies += segment.forward.copies
    highest = max(highest, start + copies + last.forward.peak)
    ended = start + last.forward.kept
    top, weights, live = start + last.backward.peak, last.backward.weights, start
    for segment in reversed(layers):
        for _ in range(segment.times):
            live -= segment.forward.kept
            top = max(top, live + weights + segment.backward.peak)
            weights += segment.backward.weights
    top = max(top, kept + weights + first.backward.peak)
    weights += first.backward.weights
    # A tied table has two gradients, which are summed into a third.
    host = sum(segment.times * segment.forward.host for segment in layers)
    return Passes(ended, max(highest, ended), max(top, kept + weights + tied), weights - tied, host)


def _tied_table(spec: ModelSpec) -> int:
    """Elements of the embedding that is the head's too; 0 where they are apart."""
    heads = [placed.block for placed in spec.placed if isinstance(placed.block, Head)]
    return sum(head.vocab * head.hidden for head in heads if head.tied_to)


def _layers(spec: ModelSpec, setting: Setting, style: Trait, enters: bool, checkpointing: int) -> Iterator[Segment]:
    still = setting._replace(trains=False)

    @lru_cache(None)
    def alike(blocks: tuple[tuple[str, Block], ...], grad: bool, frozen: bool, again: bool) -> Segment:
        return _layer(blocks, spec, still if frozen else setting, style, grad, again)

    for number in range(spec.layers):
        blocks = tuple(placed for placed in spec.placed if number in placed.layers)
        yield alike(
            tuple((each.prefix, each.block) for each in blocks),
            enters or number > setting.frozen,
            number < setting.frozen,
            checkpointing > 0 and number % checkpointing == 0,
        )


def _layer(
    blocks: tuple[tuple[str, Block], ...],
    spec: ModelSpec,
    setting: Setting,
    style: Trait,
    grad: bool,
    checkpointing: bool,
) -> Segment:
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, grad)
    result = _sublayers(graph, given, blocks, setting, style)
    if not checkpointing:
        return recorded(graph, given, result)
    still = results(graph) if setting.selective else NONE
    bare = forward(graph, given, result, keeping=False, still=still)
    costly = sum(graph.sizes[storage] for storage in still)
    here, away = (0, given.size) if setting.away else (given.size, 0)
    run = bare._replace(kept=here + costly, copies=graph.copies, host=away)
    return Segment(run, backward(graph, given, result, again=True, still=still))


def _sublayers(graph: Graph, x: Value, blocks: tuple[tuple[str, Block], ...], setting: Setting, style: Trait) -> Value:
    """Attention and MLP, each between a norm, one behind where the family has it, and the sum with what came in."""
    if style.behind:
        return _behind(graph, x, blocks, setting, style)
    waiting: list[tuple[str, Block]] = []
    branch = x
    for place, (prefix, block) in enumerate(blocks):
        branch = record(block, Piece(graph, prefix, setting, style), branch)
        following = [isinstance(each, Norm) for _, each in blocks[place + 1 : place + 3]]
        mixer = isinstance(block, MIXERS)
        behind = following[:1] == [True] and following[1:] != [False]
        if (mixer and not behind) or (not mixer and waiting):
            x = branch = add(graph, x, branch)
            waiting = []
        elif mixer:
            waiting = [(prefix, block)]
    return x


def _behind(graph: Graph, x: Value, blocks: tuple[tuple[str, Block], ...], setting: Setting, style: Trait) -> Value:
    """Attention and MLP, each added to what came in before a norm."""
    for prefix, block in blocks:
        made = record(block, Piece(graph, prefix, setting, style), x)
        x = made if isinstance(block, Norm) else add(graph, x, made)
    return x


def _embedding(spec: ModelSpec, setting: Setting, style: Trait, checkpointing: bool) -> Segment:
    graph = Graph()
    tables = [placed.block for placed in spec.placed if isinstance(placed.block, Embedding)]
    elements = setting.rows * spec.hidden_size
    given = graph.enter(0, setting.width, False)
    made: list[Value] = []
    for number, table in enumerate(tables):
        undo = [weight(table.rows * table.width * setting.width)] if setting.trains else []
        # Under checkpoints what is looked up in the first is differentiated by, that layers may be run again.
        leaf = checkpointing and not number
        made.append(graph.make([given], elements, setting.width, undo=undo, trains=setting.trains or leaf))
    result = made[0]
    for other in made[1:]:
        result = add(graph, result, other)
    if style.scaled:
        result = graph.make([result], elements, setting.width, undo=[gradient()])
    for placed in _outside(spec, behind=False):
        result = record(placed.block, Piece(graph, placed.prefix, setting, style), result)
    return recorded(graph, given, result)


def _head(spec: ModelSpec, setting: Setting, style: Trait) -> Segment:
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, True)
    x = given
    states, plain = x, setting._replace(packed=False)
    for placed in _outside(spec, behind=True):
        if isinstance(placed.block, Head) and setting.loss in LOSSES:
            return recorded(graph, given, LOSSES[setting.loss](graph, x, placed.block, setting))
        if isinstance(placed.block, Head):
            states, x = x, linear(graph, x, placed.block.hidden, placed.block.vocab, placed.prefix[:-1], plain)
        else:
            before, x = x, record(placed.block, Piece(graph, placed.prefix, setting, style), x)
            graph.hold(before)
    result = cross_entropy(graph, x, states, setting, style.loss_in_fp32 or setting.autocast)
    return recorded(graph, given, result)


def _tables(spec: ModelSpec) -> int:
    return sum(isinstance(placed.block, Embedding) for placed in spec.placed)


def _outside(spec: ModelSpec, behind: bool) -> Iterator[PlacedBlock]:
    """Blocks that stand in no layer, besides embeddings: those before the layers, or `behind` them."""
    first = next(number for number, placed in enumerate(spec.placed) if placed.layers)
    those = spec.placed[first:] if behind else spec.placed[:first]
    return (placed for placed in those if not placed.layers and not isinstance(placed.block, Embedding))


def _rotary_tables(spec: ModelSpec, setting: Setting, style: Trait) -> int:
    """Bytes of cosines and sines; of latent heads as complex numbers in FP32."""
    for placed in spec.placed:
        if isinstance(placed.block, Attention):
            width = placed.block.head_dim // (2 if style.rotary_by_halves else 1)
            return 2 * style.tables * setting.seq * width * setting.width
        if isinstance(placed.block, LatentAttention):
            return setting.seq * placed.block.rope * FP32
    return 0


def _masks(windows: set[int | None], setting: Setting) -> int:
    """Masks of one bit in a byte that the fused kernel is given: one for each kind of attention that needs one."""
    if setting.masked:
        return len(windows)
    return int(setting.windows and any(window is not None and setting.seq >= window for window in windows))


def _shared(spec: ModelSpec, setting: Setting, style: Trait, checkpointing: bool) -> tuple[int, int]:
    """Bytes of tables and masks that all layers use and keep, and of those that go with the forward pass."""
    positions = setting.seq * INT64
    tables = _rotary_tables(spec, setting, style) if style.rotary else 0
    hidden = setting.rows * spec.hidden_size * setting.width
    if style.image:
        # Variables still name what was embedded; without checkpoints the graph of what is trained holds it anyway.
        return 0, hidden * (setting.trains if checkpointing else 2 - 2 * setting.trains)
    learnt = not (style.rotary or style.alibi) and setting.trains
    kept = tables + (setting.rows * INT64 + positions if learnt else 0)
    if checkpointing and style.alibi:
        # Each checkpoint holds the mask and the slopes that it is called with.
        heads = next(placed.block.heads for placed in spec.placed if isinstance(placed.block, Attention))
        return kept + (setting.seq + setting.batch * heads) * setting.seq * setting.width, 0
    windows = {p.block.window for p in spec.placed if isinstance(p.block, Attention)} or {None}
    mask = len(windows) * setting.rows * setting.seq * setting.width if setting.eager and not style.behind else 0
    if checkpointing:
        kept += mask  # each checkpoint holds what it is called with
        masked = 0 if setting.eager else _masks(windows, setting)
        # What was looked up is a leaf of the graph where nothing of the model is trained, and stays beside the sum.
        leaf = hidden if not setting.trains and (_tables(spec) > 1 or style.multiplied) else 0
        return kept + 4 + (positions if style.rotary else 0) + masked * setting.rows * setting.seq + leaf, 0
    return kept, positions * (1 if style.rotary else 0) + hidden + mask
