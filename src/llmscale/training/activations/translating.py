"""What an encoder of text and the decoder that reads it keep: T5's two stacks, each with a bias that its layers share.

Source: transformers 5.23.0 ``models/t5/modeling_t5.py``, followed as its class keeps it when it is traced
(tests/truth/training_activations.json); the encoder's tokens are inputs, and kept by nobody's count.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.training.activations.biased import attend_biased
from llmscale.training.activations.blocks import Piece, record
from llmscale.training.activations.graph import Graph, Value, weight, work
from llmscale.training.activations.listening import Stacks, closing, outer_norm, raised, within
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import HALF, INT64, Setting, add, cross_entropy, scale
from llmscale.training.activations.style import Trait
from llmscale.training.activations.walk import Segment, backward, forward, holds, recorded


def translated(spec: ModelSpec, setting: Setting, style: Trait, checkpointing: bool) -> Stacks:
    """Encoder and decoder of one micro-batch, both of as many tokens."""
    hidden = setting.rows * spec.hidden_size * setting.width
    # Variables name what was looked up, and what the encoder made, where nothing keeps them.
    named = 0 if setting.trains or checkpointing else hidden
    read = 0 if checkpointing or _is_read_as_it_is(spec, setting, style) else hidden
    # Of zeros that stand for a bias across stacks checkpoints make a leaf, which stays, with a gradient, to the end.
    leaf = _zeros(spec, setting) if checkpointing else 0
    encoder = [raised(each, named, leaf) for each in _stack(spec, "encoder", setting, style, checkpointing, 0)]
    decoder = list(_stack(spec, "decoder", setting, style, checkpointing, leaf))
    ended = raised(closing(spec, setting, style, hidden - read), 0, leaf)
    # All but the last layer find the gradient that later ones left of what they attend to.
    decoder = [raised(each, named + read, hidden * (each is not decoder[-1])) for each in decoder]
    front, tokens = (raised(_looked_up(spec, setting), each, leaf) for each in (0, read))
    kept = leaf + (setting.rows * INT64 if setting.trains else 0)
    between = [*encoder, ended, raised(tokens, 0, hidden), *decoder]
    return Stacks(front, between, _head(spec, setting, style), kept)


def _is_read_as_it_is(spec: ModelSpec, setting: Setting, style: Trait) -> bool:
    """Whether the decoder keeps what the encoder made, rather than copies in another format."""
    placed = [each for each in within(spec, "decoder") if 0 in each.layers]
    graph, _, _, memory = _recorded(spec, placed, setting, style, True, True)
    return holds(graph, memory)


def _table(spec: ModelSpec, setting: Setting) -> int:
    """Bytes of a bias for each pair of tokens and each head."""
    heads = next(placed.block.heads for placed in spec.placed if isinstance(placed.block, Attention))
    return setting.seq**2 * heads * setting.width


def _looked_up(spec: ModelSpec, setting: Setting) -> Segment:
    """Tokens of a stack: the gradient of the table is one more of what the head and the other stack have as well."""
    graph = Graph()
    given = graph.enter(0, setting.width, False)
    table = next(placed.block for placed in spec.placed if isinstance(placed.block, Embedding))
    undo = [work(2 * table.rows * table.width * setting.width)] if setting.trains else []
    made = graph.make([given], setting.rows * spec.hidden_size, setting.width, undo=undo, trains=setting.trains)
    return recorded(graph, given, made)


def _zeros(spec: ModelSpec, setting: Setting) -> int:
    """The same in the format that queries are in."""
    return _table(spec, setting) // setting.width * (HALF if setting.autocast else setting.width)


def _stack(
    spec: ModelSpec, stack: str, setting: Setting, style: Trait, checkpointing: bool, leaf: int
) -> Iterator[Segment]:
    """The bias, which all layers have beside what they keep, and the layers."""
    placed = [each for each in within(spec, stack) if each.layers]
    numbers = sorted({number for each in placed for number in each.layers})
    table, crosses = _table(spec, setting), stack == "decoder"
    mask = setting.rows * setting.seq * setting.width if setting.eager and crosses else 0
    shared = 0 if checkpointing else table + _zeros(spec, setting) * crosses + mask
    undone = table * setting.trains + leaf
    yield _bias(placed, setting, table + mask if checkpointing else 0, undone)
    for number in numbers:
        blocks = [each for each in placed if number in each.layers]
        grad = setting.trains or checkpointing or number > numbers[0]
        layer = _layer(spec, blocks, setting, style, checkpointing, grad)
        # Run again, the first makes the zeros again.
        yield raised(layer, shared, undone * (number < numbers[-1]) + leaf * (number == numbers[0]))


def _bias(placed: list[PlacedBlock], setting: Setting, kept: int, undone: int) -> Segment:
    """Looked up by distance for each pair of tokens; kept under checkpoints, as what each layer is called with."""
    graph = Graph()
    block = next(each.block for each in placed if isinstance(each.block, Attention) and each.block.relative_bias)
    given = graph.enter(0, setting.width, False)
    pairs = setting.seq**2
    places = graph.make([given], pairs, INT64, spare=3 * pairs * INT64)
    undo = [weight((block.relative_bias or (0, 0))[0] * block.heads * setting.width)] if setting.trains else []
    keeps = [places] if setting.trains else []
    made = graph.make([places], pairs * block.heads, setting.width, keeps=keeps, undo=undo, trains=setting.trains)
    segment = recorded(graph, given, made)
    segment = segment if not kept else segment._replace(forward=segment.forward._replace(kept=kept))
    return raised(segment, 0, undone)


def _layer(
    spec: ModelSpec, blocks: list[PlacedBlock], setting: Setting, style: Trait, checkpointing: bool, grad: bool
) -> Segment:
    graph, given, made, _ = _recorded(spec, blocks, setting, style, checkpointing, grad)
    if not checkpointing:
        return recorded(graph, given, made)
    bare = forward(graph, given, made, keeping=False)
    return Segment(bare._replace(kept=given.size, copies=graph.copies), backward(graph, given, made, again=True))


def _recorded(
    spec: ModelSpec, blocks: list[PlacedBlock], setting: Setting, style: Trait, checkpointing: bool, grad: bool
) -> tuple[Graph, Value, Value, Value]:
    """Each part behind its norm, and the sum with what came in; parts are numbered, in their names."""
    graph = Graph()
    elements = setting.rows * spec.hidden_size
    x = given = graph.enter(elements, setting.width, grad)
    memory = graph.shared(elements, setting.width, True)
    in_order = sorted(blocks, key=lambda each: each.prefix)
    norms = [each for each in in_order if isinstance(each.block, Norm)]
    mixers = [each for each in in_order if not isinstance(each.block, Norm)]
    for norm, mixer in zip(norms, mixers, strict=True):
        normed = record(norm.block, Piece(graph, norm.prefix, setting, style), x)
        if isinstance(mixer.block, Attention):
            learnt = setting.trains if mixer.block.source == "self" else checkpointing
            bias = graph.shared(setting.seq**2 * mixer.block.heads, setting.width, learnt)
            made = attend_biased(graph, normed, mixer.block, mixer.prefix, setting, bias, memory)
        else:
            made = record(mixer.block, Piece(graph, mixer.prefix, setting, style), normed)
        x = add(graph, x, made)
    return graph, given, x, memory


def _head(spec: ModelSpec, setting: Setting, style: Trait) -> Segment:
    """The last norm, what comes of it times a number, and the head."""
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, True)
    norm = outer_norm(spec, "decoder")
    states: Value = record(norm.block, Piece(graph, norm.prefix, setting, style), given)
    prefix, block = next((placed.prefix, placed.block) for placed in spec.placed if isinstance(placed.block, Head))
    scaled = scale(graph, states)
    logits = linear(graph, scaled, spec.hidden_size, block.vocab, prefix[:-1], setting)
    result = cross_entropy(graph, logits, states, setting, setting.autocast)
    graph.hold(scaled)
    return recorded(graph, given, result)
