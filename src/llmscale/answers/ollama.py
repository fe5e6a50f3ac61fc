"""Ollama on named devices: the context it takes by default, and where it puts the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscale.answers.model import Model
from llmscale.answers.offload import offloaded
from llmscale.answers.places import Placed
from llmscale.devices.sets import RESERVE, DeviceSet
from llmscale.fit.footprint import Candidate
from llmscale.fit.largest import fit
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.simulate import facts
from llmscale.runtimes.ollama import BATCHES, CONTEXTS, MARGIN, Predicted, alone, default_context
from llmscale.runtimes.ollama.runtime import settled

#: What it does not depend on devices for.
SMALLEST = CONTEXTS[-1][1]


def context_on(sets: Sequence[DeviceSet]) -> int:
    """Tokens of context where nobody names them; the smallest where devices differ in it."""
    return min((default_context(total(devices)) for devices in sets), default=SMALLEST)


def total(devices: DeviceSet) -> int:
    """Bytes of all devices: of a card's all that the driver reports, of unified memory the GPU's share.

    CUDA reports a little less of a card, and Ollama's limits lie a little below the sizes that cards are sold with.
    """
    if devices.members:
        return sum(total(member) for member in devices.members)
    return min(devices.each, devices.usable + RESERVE) * devices.count


def predicted(model: Model, quant: Quant) -> Predicted:
    """What Ollama reckons a model by."""
    assert model.spec is not None
    known = facts(model.spec)
    file = model.file(quant)
    heads, kv_heads = _heads(known)
    return Predicted(file.value if file else 0, len(known.layers), max(1, kv_heads), known.hidden // max(1, heads))


def placed_by_ollama(model: Model, quant: Quant, candidate: Candidate, work: Workload, devices: DeviceSet) -> Placed:
    """The layers that go to `devices`, and what the fullest device holds then.

    The largest context is solved for with the smallest batch: Ollama takes no larger one where memory is short.
    """
    reckoned = predicted(model, quant)
    want = reckoned.bytes(settled(work, model.spec).context * work.batch)
    chosen = alone(want, devices.rooms)
    where = devices if chosen is None else _one(devices, chosen)
    given = settled(work, model.spec, want, where.total_usable)
    place = offloaded(model, quant, candidate, given, where, MARGIN)
    short = work._replace(options=work.options._replace(ubatch=work.options.ubatch or BATCHES[-1].tokens))
    (answer,) = fit(candidate, short, [where], model.limit)
    return place._replace(max_context=answer.max_context or 0)


def _one(devices: DeviceSet, number: int) -> DeviceSet:
    """One device of the set."""
    for member in devices.members:
        if number < member.count:
            return replace(member, count=1)
        number -= member.count
    return replace(devices, count=1)


def _heads(known: ModelFacts) -> tuple[int, int]:
    """Most query heads and fewest KV heads of a layer."""
    mixers = [layer.mixer for layer in known.layers]
    query = [heads for mixer in mixers if (heads := getattr(mixer, "heads", 0))]
    kv = [heads for mixer in mixers if (heads := getattr(mixer, "kv_heads", 0))]
    return max(query, default=1), min(kv, default=1)
