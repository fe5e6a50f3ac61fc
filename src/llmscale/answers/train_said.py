"""What ``train`` says of a step's memory in sentences: what stays unpacked, logits, the share of activations."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.train_held import Taken, Way, reference
from llmscale.answers.train_memory import sequence_of
from llmscale.model.blocks.embedding import Head
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.training.packed import packed
from llmscale.training.precision import ADAPTER, RECIPES

#: Share of the whole from which something is worth a sentence.
MUCH = 0.1
MOST_OF_IT = 0.6


def said(spec: ModelSpec, way: Way, found: Taken) -> Iterator[Note]:
    """Sentences of one step."""
    if way.memory.packed:
        yield _unpacked(spec, way, found)
    if way.memory.preference:
        yield note("preference", size=reference(way, found.chosen.base), before=not way.memory.reference)
    total = found.memory.total_bytes
    if not total:
        return
    logits = _logits(spec, way)
    if way.memory.loss != "cut" and logits > MUCH * total:
        yield note("logits", tokens=sequence_of(spec, way.memory) * way.memory.rows, size=logits)
    share = (found.memory.activations_bytes or 0) / total
    if way.choice.method != "full" and share > MOST_OF_IT and way.memory.checkpointing == "none":
        yield note("mostly_activations", share=share)


def _unpacked(spec: ModelSpec, way: Way, found: Taken) -> Note:
    elements, _ = packed(spec)
    left = found.chosen.base - elements
    wide = way.memory.kbit == "peft"
    narrow = RECIPES[way.precision].weight
    width = ADAPTER.weight if wide else narrow
    return note("unpacked", parameters=left, wide=wide, size=left * width, more=left * (ADAPTER.weight - narrow))


def _logits(spec: ModelSpec, way: Way) -> int:
    """Bytes of one copy in fp32."""
    vocab = max((placed.block.vocab for placed in spec.placed if isinstance(placed.block, Head)), default=0)
    return sequence_of(spec, way.memory) * way.memory.rows * vocab * ADAPTER.weight
