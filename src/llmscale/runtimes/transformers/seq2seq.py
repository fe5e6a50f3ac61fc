"""Encoder-decoders: the encoder over its whole input, then the decoder token by token.

After ``T5Stack``, ``BartEncoder``, ``BartDecoder`` and their like. The first step of the decoder makes K and V of the
encoder's tokens in every layer, and ``DynamicCache`` copies them; later ones find them there. What a decoder makes of
one token is traced for the widest of it alone: the cache's growth, and scores over the encoder's tokens.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.classes.style import Habit
from llmscale.model.classes.styles import SEQ2SEQ
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.attention.eager import by_hand
from llmscale.runtimes.transformers.attention.heads import heads_of
from llmscale.runtimes.transformers.encoder.call import stack
from llmscale.runtimes.transformers.encoder.tower import Tower, tower_of
from llmscale.runtimes.transformers.ops import FP32, INT64, Step
from llmscale.runtimes.transformers.tape import Tape


class Pair(NamedTuple):
    """An encoder and its decoder.

    Attributes:
        own: attention of each layer of the decoder to its own tokens.
        cross: to the encoder's.
        intermediate: of the decoder's MLP.
        sound: elements of one input that is sound, which has a fixed number of tokens; 0 for text.
        tokens: that number.
    """

    encoder: Tower
    own: tuple[Attention, ...]
    cross: tuple[Attention, ...]
    intermediate: int
    sound: int = 0
    tokens: int = 0


@lru_cache(maxsize=64)
def pair_of(spec: ModelSpec) -> Pair | None:
    """Both parts; None for a model that is no encoder-decoder that is traced, or has one of the two alone."""
    if spec.family not in SEQ2SEQ:
        return None
    encoder = tower_of(spec, [placed for placed in spec.placed if "encoder." in placed.prefix])
    decoder = [placed for placed in spec.placed if "decoder." in placed.prefix]
    heads = [(placed.block, len(placed.layers)) for placed in decoder if isinstance(placed.block, Attention)]
    own = [block for block, layers in heads for _ in range(layers) if block.source == "self"]
    cross = [block for block, layers in heads for _ in range(layers) if block.source == "cross"]
    if encoder is None or not own:
        return None
    width = next(placed.block.intermediate for placed in decoder if isinstance(placed.block, (Mlp, GatedMlp)))
    heard = [placed.block for placed in spec.placed if isinstance(placed.block, Convolution)]
    pair = Pair(encoder, tuple(own), tuple(cross), width)
    if not heard:
        return pair
    places = next(one.block for one in spec.placed if "encoder." in one.prefix and isinstance(one.block, Embedding))
    # The second convolution takes every other step of time.
    sound = heard[0].in_ * 2 * places.rows
    return pair._replace(encoder=encoder._replace(heard=True), sound=sound, tokens=places.rows)


def cached(blocks: tuple[Attention, ...], step: Step, tokens: int) -> int:
    """Bytes of K and V of so many tokens of each sequence."""
    shapes = [shape for block in blocks if (shape := block.cache())]
    return sum(step.batch * tokens * (shape.keys + shape.values) * step.width for shape in shapes)


def settled_of(spec: ModelSpec, pair: Pair, step: Step) -> int:
    """Bytes of the cache as llmscale counts it: of an encoder of text, its side is as long as the decoder's."""
    return cached(pair.own, step, step.seen) + cached(pair.cross, step, pair.tokens or step.seen)


def converse(spec: ModelSpec, pair: Pair, step: Step) -> Tape:
    """Everything that one step allocates besides the weights: encoder and first token, or one later token."""
    tape, style, width = Tape(), SEQ2SEQ[spec.family], step.width
    source = pair.tokens or step.source
    of = step._replace(tokens=source, past=0)
    if pair.sound:
        tape.new("sound", step.batch * pair.sound, width)
    else:
        for name in ("tokens", "attention mask"):
            tape.new(name, of.rows, INT64)
    if step.past:
        tape.new("output of the encoder", of.rows * pair.encoder.hidden, width)
        tape.new("FP32 logits of the step before", step.batch * spec.vocab_size, FP32)
    else:
        stack(tape, of, style, pair.encoder)
    _decoder(tape, step, style, pair, source)
    tape.new("logits", step.batch * spec.vocab_size, width)
    tape.new("FP32 logits", step.batch * spec.vocab_size, FP32)
    return tape


def _decoder(tape: Tape, step: Step, style: Habit, pair: Pair, source: int) -> None:
    """One token through the last layer, the others' cache being there."""
    mark, one, eager = tape.mark(), step._replace(tokens=1), by_hand(step, style)
    own, cross, width = pair.own[-1], pair.cross[-1], step.width
    tape.new("states of the token", 4 * one.rows * own.hidden, width)
    others = tape.hold("KV cache of other layers", cached(pair.own[:-1], one, step.past + 1))
    for name, size in _sizes(own):
        before = tape.new(f"{name} cached before", step.batch * step.past * size, width)
        tape.new(f"cached {name}", step.batch * (step.past + 1) * size, width)
        tape.free(before)
    if eager:
        tape.free(tape.new("two kinds of scores", 2 * step.batch * own.heads * (step.past + 1), width))
    there = pair.cross if step.past else pair.cross[:-1]
    tape.hold("KV cache of the encoder's tokens", cached(there, one, source))
    if not step.past:
        raw = [tape.new(name, step.batch * source * size, width) for name, size in _sizes(cross)]
        for name, size in _sizes(cross):
            tape.new(f"cached {name} of the encoder's tokens", step.batch * source * size, width)
        tape.free(*raw)
    if eager:
        tape.new("two kinds of scores", 2 * step.batch * cross.heads * source, width)
    tape.new("activations of the MLP", 3 * one.rows * pair.intermediate, width)
    caches = [cached(pair.own, one, step.past + 1), cached(pair.cross, one, source)]
    tape.leave(mark)
    tape.hold("KV cache", sum(caches))
    tape.free(others)


def _sizes(block: Attention) -> tuple[tuple[str, int], tuple[str, int]]:
    """Elements of one token in K and in V."""
    size = heads_of(block)
    return ("K", size.k), ("V", size.v)
