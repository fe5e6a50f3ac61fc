"""What Ollama does before llama-server starts: context, batch, the one device of several that a model goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscale.devices.sets import RESERVE, DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.gguf.files import file_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.companions import projector_of
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.placement import partly as llama_partly
from llmscale.runtimes.llama_cpp.placement import place as llama_place
from llmscale.runtimes.llama_cpp.simulate import facts
from llmscale.runtimes.ollama.rules import ALONE, CONTEXTS, MARGIN, Predicted, alone, batch_size, default_context
from llmscale.runtimes.placed import Placement, Usage
from llmscale.runtimes.subject import Exact, Summary

#: What it does not depend on devices for.
SMALLEST = CONTEXTS[-1][1]
#: What the towers of Ollama's library are in.
TOWER = "f16"


def context_on(sets: Sequence[DeviceSet]) -> int:
    """Tokens of context where nobody names them; the smallest where devices differ in it."""
    return min((default_context(_total(devices)) for devices in sets if not devices.unnamed), default=SMALLEST)


def _total(devices: DeviceSet) -> int:
    """Bytes of all devices: of a card's all that the driver reports, of unified memory the GPU's share.

    CUDA reports a little less of a card, and Ollama's limits lie a little below the sizes that cards are sold with.
    """
    return sum(min(kind.each, kind.usable + RESERVE) * kind.count for kind in devices.kinds)


def settled(subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
    """`work` with the context that Ollama takes.

    Raises:
        UsageError: what Ollama does not do.
    """
    if work.kv_v is not None:
        raise UsageError("Ollama keeps K and V in the same format.", "Name one, for example --kv-dtype q8_0.")
    limit = subject.spec.max_context if isinstance(subject, Exact) else subject.limit
    name = subject.spec.name if isinstance(subject, Exact) else subject.name
    if work.batch > 1 and subject.family in ALONE:
        raise UsageError(f"Ollama runs {name} with one request at a time.", "Leave --num-parallel away.")
    return work._replace(context=min(work.context, limit or work.context))


def given(subject: Exact, work: Workload, devices: DeviceSet) -> Workload:
    """`work` as llama-server gets it: with the tokens of a batch, as many as Ollama takes where there is memory enough.

    It takes no more than the least where memory is short, so that a long context may fit where a shorter one is tight.
    """
    work = _seeing(subject, work)
    if work.option("ubatch"):
        return work
    context = work.context * work.batch
    if devices.unnamed:
        return work.with_options(ubatch=batch_size(context))
    want = predicted(subject).bytes(context)
    return work.with_options(ubatch=batch_size(context, want, _where(devices, want)[1].total_usable))


def _seeing(subject: Exact, work: Workload) -> Workload:
    """With the vision tower, which Ollama loads wherever a model has one (its library keeps it in `TOWER`)."""
    try:
        return work.with_options(mmproj=TOWER) if projector_of(subject.spec, subject.inventory, TOWER) else work
    except (UsageError, UnsupportedModelError):  # no tower, or one whose file nobody checked
        return work


def predicted(subject: Exact) -> Predicted:
    """What Ollama reckons a model by."""
    known = facts(subject.spec)
    file = file_bytes(subject.spec, subject.stored)[0] if subject.quant.kind == "gguf" else 0
    heads, kv_heads = _heads(known)
    return Predicted(file, len(known.layers), max(1, kv_heads), known.hidden // max(1, heads))


def place(subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
    """The layers on `devices`, or on the one of them that holds all; `MARGIN` of each stays free."""
    number, where = _where(devices, predicted(subject).bytes(work.context * work.batch))
    return _among(llama_place(subject, given(subject, work, devices), where, _margin(devices)), number, devices)


def partly(subject: Exact, work: Workload, devices: DeviceSet) -> Placement | None:
    """The layers that fit, the others in host memory, as Ollama does by itself."""
    number, where = _where(devices, predicted(subject).bytes(work.context * work.batch))
    found = llama_partly(subject, given(subject, work, devices), where, _margin(devices))
    return found and _among(found, number, devices)


def _margin(devices: DeviceSet) -> int:
    return 0 if devices.unnamed else MARGIN


def _where(devices: DeviceSet, want: int) -> tuple[int | None, DeviceSet]:
    """The number of the one device that a model goes to, and that device; None and all of them."""
    chosen = alone(want, devices.budgets)
    if chosen is None:
        return None, devices
    number = chosen
    for kind in devices.kinds:
        if number < kind.count:
            return chosen, replace(kind, count=1)
        number -= kind.count
    return None, devices


def _among(found: Placement, number: int | None, devices: DeviceSet) -> Placement:
    """The placement on one device among all, of which the others stay empty."""
    if number is None:
        return found
    usages = [Usage(budget - MARGIN) for budget in devices.budgets]
    usages[number] = found.devices[0]
    return found._replace(devices=tuple(usages))


def _heads(known: ModelFacts) -> tuple[int, int]:
    """Most query heads and fewest KV heads of a layer."""
    mixers = [layer.mixer for layer in known.layers]
    query = [heads for mixer in mixers if (heads := getattr(mixer, "heads", 0))]
    kv = [heads for mixer in mixers if (heads := getattr(mixer, "kv_heads", 0))]
    return max(query, default=1), min(kv, default=1)
