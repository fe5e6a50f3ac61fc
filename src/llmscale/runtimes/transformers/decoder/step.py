"""One step of ``generate``: embedding, masks, layers, head, and what the sampler makes of the logits."""

from __future__ import annotations

from llmscale.runtimes.transformers.attention.cache import kept, seen, stored
from llmscale.runtimes.transformers.attention.eager import by_hand
from llmscale.runtimes.transformers.blocks import Pass
from llmscale.runtimes.transformers.decoder.cache import state_of
from llmscale.runtimes.transformers.decoder.layer import trace_layer
from llmscale.runtimes.transformers.decoder.layers import DecoderLayer
from llmscale.runtimes.transformers.decoder.masks import make_masks
from llmscale.runtimes.transformers.decoder.model import Decoder
from llmscale.runtimes.transformers.ops import FP32, INT64, Step, norm
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: Tensors of token numbers: the prompt and its mask, which the caller holds, positions, and the step's own copy.
TOKEN_TENSORS = ("prompt", "attention mask", "positions", "ids of the step")
#: After the first step also: mask, positions and ids, each grown by a token.
GROWN_TENSORS = ("ids", "grown mask", "grown positions")


def decode(decoder: Decoder, step: Step) -> Tape:
    """Everything that one step allocates besides the weights."""
    tape, style = Tape(), decoder.style
    embedded = _embed(tape, step, decoder)
    masks = make_masks(tape, step, decoder)
    if style.rotary != "none":
        tape.new("cosines and sines", 2 * step.rows * decoder.tables, style.table_width or step.width)
    run = Pass(tape, step, style, decoder.spec.hidden_size, decoder.share, masks)
    _trace_layers(run, decoder, embedded[-1])
    _judge(run, decoder, embedded)
    return tape


def _embed(tape: Tape, step: Step, decoder: Decoder) -> list[Buffer]:
    """What the step is given, and the embeddings that it makes of it."""
    if step.past:
        tape.new("FP32 logits of the step before", step.batch * decoder.spec.vocab_size, FP32)
    for name in TOKEN_TENSORS + (GROWN_TENSORS if step.past else ()):
        tape.new(name, step.batch * (1 if name == "ids of the step" and step.past else step.seen), INT64)
    hidden, copies = decoder.spec.hidden_size, decoder.style.embeddings
    embedded = [tape.new("embeddings", step.rows * hidden, step.width) for _ in range(copies)]
    if decoder.per_layer:
        _embed_per_layer(tape, step, step.rows * decoder.per_layer)
    return embedded


def _embed_per_layer(tape: Tape, step: Step, n: int) -> None:
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


def _trace_layers(run: Pass, decoder: Decoder, embedded: Buffer) -> None:
    """The layers one after the other, each with the caches of all others; these stay."""
    tape, step = run.tape, run.step
    after = decoder.of_layers(lambda layer: layer.cached_bytes(step, kept))
    before = decoder.of_layers(lambda layer: layer.cached_bytes(step, stored))
    tape.hold("recurrent states", state_of(decoder, step))
    cache = tape.hold("KV cache of other layers", 0)
    for number in decoder.traced:
        layer = decoder.layer(number)
        if _left_out(run, layer):
            continue
        tape.free(cache)
        if step.static:
            others = sum(after) - after[number]
        else:
            others = sum(after[:number]) + (sum(before[number + 1 :]) if step.past else 0)
        cache = tape.hold("KV cache of other layers", others)
        _trace_one(run, decoder, number, embedded)
    tape.free(cache)
    tape.hold("KV cache", sum(after))


def _left_out(run: Pass, layer: DecoderLayer) -> bool:
    """Whether the step, or all of its tokens but the last, does not come through the layer."""
    step = run.step
    if layer.looks:
        return True  # there is no picture
    return run.style.sliced and step.tokens > 1 and not (step.flash or step.static) and layer.borrows


def _trace_one(run: Pass, decoder: Decoder, number: int, embedded: Buffer) -> None:
    """One layer and its input, which the first has of the embeddings, and the scores that the layer before returned."""
    tape, style = run.tape, run.style
    if not number and style.streams == 1:
        trace_layer(run, decoder.layer(number), embedded)
        return
    given = [run.stream("input of the layer", style.streams)]
    if number and style.scores_returned and by_hand(run.step, style):
        elements = _scores(decoder.layer(number - 1), run.step)
        given += [tape.new("scores of the layer before", elements, run.step.width)] if elements else []
    trace_layer(run, decoder.layer(number), given[0])
    tape.free(*given)


def _scores(layer: DecoderLayer, step: Step) -> int:
    return sum(step.rows * block.heads * seen(block.window, step) for block in layer.attentions)


def _judge(run: Pass, decoder: Decoder, embedded: list[Buffer]) -> None:
    """The last norm, the head, and the logits of the last token in FP32."""
    tape, step, vocab = run.tape, run.step, decoder.spec.vocab_size
    last = run.stream("output of the layers")
    normed = run.normed("last hidden state")
    tape.free(last)
    judged = step.rows if step.all_logits else step.batch
    tape.new("logits", judged * vocab, step.width)
    if not step.all_logits:
        tape.free(normed, *embedded)
    tape.new("FP32 logits", judged * vocab, FP32)
