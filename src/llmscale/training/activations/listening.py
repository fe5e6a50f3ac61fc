"""What an encoder of sound and the decoder that reads it keep: two convolutions, two stacks, and what both attend to.

Source: transformers 5.23.0 ``models/whisper/modeling_whisper.py``, followed as its class keeps it when it is traced
(tests/truth/training_activations.json): features are inputs, and kept by nobody's count; positions of the encoder are
not trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.records import NamedTuple
from llmscale.training.activations.blocks import Piece, record
from llmscale.training.activations.graph import Graph, Undo, Value, alias, gradient, weight, work
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import INT64, Setting, activation, add, cross_entropy
from llmscale.training.activations.style import Trait
from llmscale.training.activations.walk import Backward, Segment, backward, forward, recorded
from llmscale.training.flops.step import listened


class Stacks(NamedTuple):
    """The parts of a pass in their order, and bytes of indices that the decoder's tables keep."""

    first: Segment
    between: list[Segment]
    last: Segment
    kept: int


def stacks(spec: ModelSpec, setting: Setting, style: Trait, checkpointing: bool) -> Stacks:
    """Encoder and decoder of one micro-batch."""
    heard = setting._replace(seq=listened(spec))
    memory = heard.rows * spec.hidden_size * setting.width
    spoken = setting.rows * spec.hidden_size * setting.width
    encoder = [raised(segment, memory, 0) for segment in _layers(spec, "encoder", heard, style, checkpointing, heard)]
    ended = closing(spec, heard, style, memory if setting.trains or checkpointing else 0)
    # Variables still name what was looked up, and what the encoder made.
    held = 2 * spoken + (0 if setting.trains or checkpointing else memory)
    decoder = list(_layers(spec, "decoder", setting, style, checkpointing, heard))
    # All but the last find the gradient that later ones left of what they attend to.
    decoder = [raised(segment, held, memory * (segment is not decoder[-1])) for segment in decoder]
    tables = raised(_tables(spec, setting), 0, memory)
    kept = setting.rows * INT64 * (2 if setting.trains else 0)
    first = _front(spec, heard)
    return Stacks(first, [*encoder, ended, tables, *decoder], _head(spec, setting, style), kept)


def raised(segment: Segment, before: int, after: int) -> Segment:
    """With what is alive besides, forward and backward."""
    ahead, back = segment.forward, segment.backward
    return Segment(ahead._replace(peak=ahead.peak + before), Backward(back.peak + after, back.weights))


def within(spec: ModelSpec, stack: str) -> Iterator[PlacedBlock]:
    """What stands in a stack."""
    return (placed for placed in spec.placed if stack in placed.prefix.split("."))


def outer_norm(spec: ModelSpec, stack: str) -> PlacedBlock:
    """The norm behind a stack's layers."""
    return next(each for each in within(spec, stack) if isinstance(each.block, Norm) and not each.layers)


def _front(spec: ModelSpec, setting: Setting) -> Segment:
    """Two convolutions, the second of which halves the positions, and a table added."""
    graph = Graph()
    x = given = graph.enter(0, setting.width, False)
    cut = [placed.block for placed in within(spec, "encoder") if isinstance(placed.block, Convolution)]
    for number, block in enumerate(cut):
        positions = setting.rows << (len(cut) - 1 - number)
        own = [weight(sum(prod(tensor.shape) for tensor in block.tensors()) * setting.width)] if setting.trains else []
        keeps = [x] if setting.trains else []
        made = graph.make(
            [x], positions * block.out, setting.width, keeps=keeps, undo=[gradient(), *own], trains=setting.trains
        )
        x = activation(graph, made)
    return recorded(graph, given, graph.make([x], x.elements, x.width, undo=[alias()]))


def _layers(
    spec: ModelSpec, stack: str, setting: Setting, style: Trait, checkpointing: bool, heard: Setting
) -> Iterator[Segment]:
    placed = [each for each in within(spec, stack) if each.layers]
    numbers = sorted({number for each in placed for number in each.layers})
    grads = {number: setting.trains or checkpointing or number > numbers[0] for number in numbers}
    alike = {grad: _layer(spec, placed, setting, style, checkpointing, heard, grad) for grad in set(grads.values())}
    return (alike[grads[number]] for number in numbers)


def _layer(
    spec: ModelSpec,
    placed: list[PlacedBlock],
    setting: Setting,
    style: Trait,
    checkpointing: bool,
    heard: Setting,
    grad: bool,
) -> Segment:
    """Each part behind its norm, which stands after it in the class, and the sum with what came in."""
    graph = Graph()
    x = given = graph.enter(setting.rows * spec.hidden_size, setting.width, grad)
    memory = graph.shared(heard.rows * spec.hidden_size, setting.width, True)
    for mixer, norm in zip(placed[::2], placed[1::2], strict=True):
        normed = record(norm.block, Piece(graph, norm.prefix, setting, style), x)
        x = add(graph, x, record(mixer.block, Piece(graph, mixer.prefix, setting, style, memory), normed))
    if not checkpointing:
        return recorded(graph, given, x)
    bare = forward(graph, given, x, keeping=False)
    return Segment(bare._replace(kept=given.size, copies=graph.copies), backward(graph, given, x, again=True))


def closing(spec: ModelSpec, setting: Setting, style: Trait, memory: int) -> Segment:
    """The encoder's last norm, whose output stays for the decoder."""
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, True)
    norm = outer_norm(spec, "encoder")
    made = recorded(graph, given, record(norm.block, Piece(graph, norm.prefix, setting, style), given))
    return Segment(made.forward._replace(kept=made.forward.kept + memory), made.backward)


def _tables(spec: ModelSpec, setting: Setting) -> Segment:
    """What the decoder looks up: tokens and positions."""
    graph = Graph()
    given = graph.enter(0, setting.width, False)
    tables = [placed.block for placed in within(spec, "decoder") if isinstance(placed.block, Embedding)]
    tied = any(isinstance(placed.block, Head) and placed.block.tied_to for placed in spec.placed)
    own = [_looked_up(each, setting, tied) for each in tables]
    elements = setting.rows * spec.hidden_size
    made = [graph.make([given], elements, setting.width, undo=undo, trains=setting.trains) for undo in own]
    return recorded(graph, given, add(graph, made[0], made[1]))


def _looked_up(table: Embedding, setting: Setting, tied: bool) -> list[Undo]:
    """The gradient of a table; one that the head has too has one already, and both are summed into a third."""
    size = table.rows * table.width * setting.width
    if not setting.trains:
        return []
    return [work(2 * size)] if tied and table.role == "embedding.token" else [weight(size)]


def _head(spec: ModelSpec, setting: Setting, style: Trait) -> Segment:
    graph = Graph()
    given = graph.enter(setting.rows * spec.hidden_size, setting.width, True)
    norm = outer_norm(spec, "decoder")
    states: Value = record(norm.block, Piece(graph, norm.prefix, setting, style), given)
    prefix, block = next((placed.prefix, placed.block) for placed in spec.placed if isinstance(placed.block, Head))
    logits = linear(graph, states, spec.hidden_size, block.vocab, prefix[:-1], setting)
    return recorded(graph, given, cross_entropy(graph, logits, states, setting, style.loss_in_fp32 or setting.autocast))
