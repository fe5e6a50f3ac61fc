"""What ``train`` says of a step's memory in sentences: what stays unpacked, logits, the share of activations."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.train_held import Taken, Way, reference, reward, taken, value
from llmscale.answers.train_memory import sequence_of
from llmscale.model.blocks.embedding import Head
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.training.experts import wanted_parts
from llmscale.training.objectives import ENGINE_SHARE, OBJECTIVES
from llmscale.training.packed import packed
from llmscale.training.precision import ADAPTER, PRECISIONS

#: Share of the whole from which something is worth a sentence.
MUCH = 0.1
MOST_OF_IT = 0.6


def said(spec: ModelSpec, way: Way, found: Taken) -> Iterator[Note]:
    """Sentences of one step."""
    if way.memory.packed:
        yield _unpacked(spec, way, found)
    if way.choice.method == "lora" and way.memory.checkpointing == "none":
        yield from _summed(spec, way)
    if way.memory.objective != "sft":
        yield _objective(spec, way, found)
    total = found.memory.total_bytes
    if not total:
        return
    if way.choice.method == "freeze" and way.memory.checkpointing != "none":
        yield from _run_again_for_nothing(spec, way, total)
    logits = _logits(spec, way)
    if way.memory.way == "logits" and logits > MUCH * total:
        yield note("logits", tokens=sequence_of(spec, way.memory) * way.memory.rows, size=logits)
    share = (found.memory.activations_bytes or 0) / total
    if way.choice.method != "full" and share > MOST_OF_IT and way.memory.checkpointing == "none":
        yield note("mostly_activations", share=share)


def _objective(spec: ModelSpec, way: Way, found: Taken) -> Note:
    """What stands beside the model, and what its loss makes."""
    kind, memory = OBJECTIVES[way.memory.objective], way.memory
    return note(
        "objective",
        title=kind.title,
        pair=kind.sequences > 1,
        kind=kind.reference,
        size=reference(way, found.chosen.base),
        before=not memory.reference,
        wanted=kind.reference == "yes" or memory.divergence,
        engine=ENGINE_SHARE if kind.generates else 0.0,
        reward=reward(spec, way),
        value=value(spec, way).states_bytes,
        tiles=memory.way == "trl",
    )


def _run_again_for_nothing(spec: ModelSpec, way: Way, total: int) -> Iterator[Note]:
    """Layers before the first that is trained keep nothing, until checkpoints want a gradient from the embeddings on.

    Source: transformers 5.24.0 ``modeling_utils.py`` (``activation_checkpointing_enable``).
    """
    plain = taken(spec, way._replace(memory=way.memory._replace(checkpointing="none"))).memory.total_bytes
    if plain is not None and plain < total:
        yield note("frozen_run_again", more=total - plain, layers=spec.layers - way.choice.last)


def _unpacked(spec: ModelSpec, way: Way, found: Taken) -> Note:
    elements, _ = packed(spec)
    left = found.chosen.base - elements
    wide = way.memory.kbit == "peft"
    narrow = PRECISIONS[way.precision].weight
    width = ADAPTER.weight if wide else narrow
    return note("unpacked", parameters=left, wide=wide, size=left * width, more=left * (ADAPTER.weight - narrow))


def _logits(spec: ModelSpec, way: Way) -> int:
    """Bytes of one copy in fp32."""
    vocab = max((placed.block.vocab for placed in spec.placed if isinstance(placed.block, Head)), default=0)
    return sequence_of(spec, way.memory) * way.memory.rows * vocab * ADAPTER.weight


def _summed(spec: ModelSpec, way: Way) -> Iterator[Note]:
    """Experts with adapters: what autograd keeps of each layer."""
    parts = wanted_parts(spec, way.choice.targets)
    mixture = next((placed.block for placed in spec.placed if isinstance(placed.block, MixtureOfExperts)), None)
    if mixture is None or not parts & {"gate", "down"}:
        return
    matrices = (2 if "gate" in parts else 0) + (1 if "down" in parts else 0)
    elements = mixture.experts * matrices * mixture.hidden * mixture.intermediate
    yield note("experts_summed", size=elements * PRECISIONS[way.precision].weight)
