"""One step of any model that is traced: of ``generate``, or one call of an encoder."""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.decoder.cache import settled_bytes
from llmscale.runtimes.transformers.decoder.model import decoder_of, is_traced_decoder
from llmscale.runtimes.transformers.decoder.step import decode
from llmscale.runtimes.transformers.encoder.call import encode
from llmscale.runtimes.transformers.encoder.tower import towers_of
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.seq2seq import converse, pair_of, settled_of
from llmscale.runtimes.transformers.tape import Tape


def is_traced(spec: ModelSpec) -> bool:
    """Whether the model's code is traced: an encoder, an encoder-decoder or a decoder of blocks that are known."""
    return bool(towers_of(spec) or pair_of(spec)) or is_traced_decoder(spec)


def simulate(spec: ModelSpec, step: Step) -> Tape:
    """Everything that one step allocates besides the weights."""
    if towers_of(spec):
        return encode(spec, step)
    if pair := pair_of(spec):
        return converse(spec, pair, step)
    return decode(decoder_of(spec), step)


def settled(spec: ModelSpec, step: Step) -> int:
    """Bytes of the KV cache that stay after so many tokens, windows cut to their size, and of recurrent states."""
    if pair := pair_of(spec):
        return settled_of(spec, pair, step)
    return settled_bytes(decoder_of(spec), step)
