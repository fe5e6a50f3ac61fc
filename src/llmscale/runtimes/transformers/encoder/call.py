"""One call of an encoder: embeddings, layers, and an answer where it has a head.

Of a model with two towers the vision tower runs first. ``DebertaV2Encoder`` collects the output of every layer.
"""

from __future__ import annotations

from llmscale.model.blocks.embedding import Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.classes.style import Habit
from llmscale.model.classes.styles import ENCODERS
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.encoder.layer import trace_layer
from llmscale.runtimes.transformers.encoder.masks import make_mask
from llmscale.runtimes.transformers.encoder.tower import Tower, towers_of
from llmscale.runtimes.transformers.ops import INT64, Step, norm
from llmscale.runtimes.transformers.tape import Buffer, Tape


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
    if not any(tower.picture for tower in towers):
        _judge(tape, step, spec)
    return tape


def _judge(tape: Tape, step: Step, spec: ModelSpec) -> None:
    """The logits of every token, of a model with a head."""
    blocks = [placed.block for placed in spec.placed]
    head = next((block for block in blocks if isinstance(block, Head)), None)
    if head is None:
        return
    if any(isinstance(block, Linear) and block.role == "head.transform" for block in blocks):
        tape.new("transformed hidden states", step.rows * head.hidden, step.width)
    tape.new("logits", step.rows * head.vocab, step.width)


def stack(tape: Tape, step: Step, style: Habit, tower: Tower) -> Buffer:
    """The hidden states after one tower."""
    mark, n, width = tape.mark(), step.rows * tower.hidden, step.width
    embedded = _embed(tape, step, style, tower)
    masked = make_mask(tape, step, style, tower)
    if style.rotary != "none":
        # Of one sequence, for all.
        if not tower.picture:
            tape.new("positions", step.tokens, INT64)
        size = 2 * step.tokens * tower.first.attention.head_dim
        tape.new("cosines and sines", size * style.rope_tables, width)
    _trace_layers(tape, step, style, tower, embedded, masked=masked)
    kept = [tape.new("output of the layers", n, width)]
    if style.states_kept:
        kept += [tape.new("outputs of all layers", (tower.layers - 1) * n, width), *embedded]
    if not style.behind:
        kept = [norm(tape, "last hidden state", n, tower.hidden, step, style.norm)]
    tape.leave(mark, *kept)
    return kept[0]


def _embed(tape: Tape, step: Step, style: Habit, tower: Tower) -> list[Buffer]:
    """The embeddings that the first layer is given; none where the encoder widens them itself."""
    if style.mapped:
        tape.new("narrow embeddings", step.rows * tower.words, step.width)
        return []
    embeddings = [tape.new("embeddings", step.rows * tower.hidden, step.width) for _ in range(style.embeddings)]
    if style.embeddings == 2 and not tower.heard:
        tape.new("embeddings of positions", step.tokens * tower.hidden, step.width)
    return embeddings[-1:]


def _trace_layers(tape: Tape, step: Step, style: Habit, tower: Tower, embedded: list[Buffer], *, masked: bool) -> None:
    """The first layer and the last: no others differ, and none keeps anything but what DeBERTa collects."""
    n, width = step.rows * tower.hidden, step.width
    for number, layer in ((0, tower.first), (tower.layers - 1, tower.last)):
        given = embedded if not number and embedded else [tape.new("input of the layer", n, width)]
        earlier = []
        if style.states_kept and number:
            earlier = [tape.new("outputs of earlier layers", (number - 1) * n, width)]
        trace_layer(tape, step, style, tower, layer, masked=masked)
        tape.free(*earlier)
        if given is not embedded or style.embeddings > 1:
            tape.free(*given)
