"""Whether a step fits one card, how far it reaches there, and what makes it fit where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from llmscale.answers.results.train_fit import TrainFit, TrainPart, TrainWay
from llmscale.answers.train_held import Way, taken
from llmscale.answers.train_memory import LARGEST_BATCH, LARGEST_SEQUENCE, sequence_of
from llmscale.devices import device as catalogue
from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError, UsageError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.placed import Usage, Verdict
from llmscale.training.device import usage
from llmscale.training.methods import ALL_LINEAR, MethodChoice
from llmscale.training.offload import WORDS
from llmscale.training.optimizers import OPTIMIZERS

#: Whose cards the term on top of tensors was measured on.
VENDOR = "NVIDIA"
#: In the stead of a verdict, where activations are not modelled and all else has room.
UNKNOWN = "unknown"
#: The usual ways, where none is named: method, precision, checkpointing.
USUAL = (
    ("full", "amp", "none"),
    ("full", "amp", "full"),
    ("full", "bf16", "full"),
    ("lora", "bf16", "none"),
    ("lora", "bf16", "full"),
    ("qlora", "bf16", "none"),
    ("qlora", "bf16", "full"),
)


def check_card(devices: DeviceSet) -> None:
    """Refuse what training's memory is not modelled on.

    Raises:
        UsageError: unlike devices, a processor, devices of another vendor.
    """
    known = catalogue.known(devices.id.partition(":")[0])
    if devices.members:
        raise UsageError(f"'{devices.name}' are unlike devices: training is modelled on alike ones.")
    if devices.host or (known and (known.vendor != VENDOR)):
        raise UsageError(
            f"What training holds of a {devices.name} besides tensors was not measured.",
            "Name an NVIDIA card, or a bare size: 24GiB.",
        )


def fit(spec: ModelSpec, way: Way, devices: DeviceSet, named: bool) -> TrainFit:
    """A step on one card.

    Args:
        named: whether the user named a method.
    """
    found = step_usage(spec, way, devices.usable)
    fits = found.verdict.value if found else UNKNOWN
    if found is None:
        memory = taken(spec, way).memory
        found = usage(devices.usable, memory.weights_bytes, memory.optimizer_bytes, memory.gradients_bytes)
        fits = Verdict.NO.value if found.least > found.budget else UNKNOWN
    changes = tuple(_changes(spec, way, devices, found)) if named and fits != Verdict.YES.value else ()
    return TrainFit(
        device=devices.id or devices.name,
        memory_bytes=devices.each,
        usable_bytes=devices.usable,
        used_bytes=found.used,
        used_range=(found.least, found.most),
        free_bytes=found.free,
        fits=fits,
        parts=tuple(TrainPart(part.kind, part.size.value, (part.size.low, part.size.high)) for part in found.parts),
        max_micro_batch=largest(LARGEST_BATCH, _batches(spec, way, devices.usable)),
        max_sequence=spec.sequence or largest(LARGEST_SEQUENCE, _sequences(spec, way, devices.usable)),
        changes=changes,
        methods=() if named else tuple(_methods(spec, way, devices, found)),
    )


def step_usage(spec: ModelSpec, way: Way, budget: int) -> Usage | None:
    """A step on a card of so many bytes; None where its peaks are not modelled."""
    memory = taken(spec, way).memory
    if memory.total_bytes is None:
        return None
    moving = memory.total_bytes - memory.weights_bytes - memory.optimizer_bytes
    return usage(budget, memory.weights_bytes, memory.optimizer_bytes, moving)


def _surely(spec: ModelSpec, way: Way, budget: int) -> bool:
    found = step_usage(spec, way, budget)
    return found is not None and found.verdict is Verdict.YES


def _batches(spec: ModelSpec, way: Way, budget: int) -> Callable[[int], bool]:
    return lambda size: _surely(spec, way._replace(memory=way.memory._replace(micro_batch=size)), budget)


def _sequences(spec: ModelSpec, way: Way, budget: int) -> Callable[[int], bool]:
    return lambda size: _surely(spec, way._replace(memory=way.memory._replace(sequence=size)), budget)


def largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` that fits, where no larger one does once one does not; 0 for none."""
    if not fits(1):
        return 0
    low = 1
    while low < most and fits(min(2 * low, most)):
        low = min(2 * low, most)
    high = min(2 * low, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _line(flags: str, found: Usage, asked: Usage) -> TrainWay:
    return TrainWay(flags, found.used, (found.least, found.most), asked.used - found.used, found.verdict.value)


def _changes(spec: ModelSpec, way: Way, devices: DeviceSet, asked: Usage) -> Iterator[TrainWay]:
    """The cheap ones first, each with those before it, until one surely fits; the host's memory, and a shorter
    sequence alone."""
    for flags, _, found in _down(_ladder(way), spec, way, devices, asked):
        yield _line(flags, found, asked)
        if found.verdict is Verdict.YES:
            break
    yield from _on_host(spec, way, devices, asked)
    length = sequence_of(spec, way.memory)
    shorter = 0 if spec.sequence else largest(length, _sequences(spec, way, devices.usable))
    if shorter:
        after = way._replace(memory=way.memory._replace(sequence=shorter))
        if used := _tried(spec, after, devices.usable):
            yield _line(f"--seq {shorter}", used, asked)


def _on_host(spec: ModelSpec, way: Way, devices: DeviceSet, asked: Usage) -> Iterator[TrainWay]:
    """What may fit with the host's memory and neither trains less nor less exactly."""
    for flags, after, found in _down((*_as_exact(), *_away(way)), spec, way, devices, asked):
        if after.memory.offload and found.verdict is not Verdict.NO:
            yield replace(_line(flags, found, asked), host_bytes=taken(spec, after).memory.host_bytes)
            return


def _down(
    steps: Iterable[Change], spec: ModelSpec, way: Way, devices: DeviceSet, asked: Usage
) -> Iterator[tuple[str, Way, Usage]]:
    """The steps that take less than all before them: flags of all so far, the way with them, and what it uses."""
    current, flags, used = way, "", asked.used
    for flag, changed in steps:
        after = changed(current)
        found = None if after == current else _tried(spec, after, devices.usable)
        if found is None or found.used >= used:
            continue
        current, used = after, found.used
        flags = f"{flags} {flag}".strip()
        yield flags, after, found


def _tried(spec: ModelSpec, way: Way, budget: int) -> Usage | None:
    """None where the model cannot be trained so, or that is not modelled."""
    try:
        return step_usage(spec, way, budget)
    except LlmscaleError:
        return None


Change = tuple[str, Callable[[Way], Way]]


def _memory(**values: object) -> Callable[[Way], Way]:
    return lambda before: before._replace(memory=before.memory._replace(**values))  # type: ignore[arg-type]


def _as_exact() -> Iterator[Change]:
    """What costs time alone."""
    yield "--micro-batch 1", _memory(micro_batch=1)
    yield "--checkpointing full", _memory(checkpointing="full")
    yield "--loss cut", _memory(loss="cut")


def _away(way: Way) -> Iterator[Change]:
    """What costs time and the host's memory."""

    def sent(word: str) -> Callable[[Way], Way]:
        return lambda before: before._replace(memory=before.memory._replace(offload=before.memory.offload | {word}))

    for word in WORDS:
        if word not in way.memory.offload:
            yield f"--offload {word}", sent(word)


def _ladder(way: Way) -> Iterator[Change]:
    """What one changes, what costs least first: time alone, then exactness, then what is trained."""
    yield from _as_exact()
    if way.memory.packed:
        yield "--kbit-prepare none", _memory(kbit="none")
    if way.choice.method == "full" and way.precision != "bf16":
        yield "--precision bf16", lambda before: before._replace(precision="bf16")
        yield "--loss cut", _memory(loss="cut")
    if OPTIMIZERS[way.optimizer].tables == 0:
        yield "--optimizer adamw-8bit", lambda before: before._replace(optimizer="adamw-8bit")
    yield "--method lora", lambda before: _lora(before, before.memory.packed)
    yield "--method qlora", lambda before: _lora(before, True)


def _lora(way: Way, packed: bool) -> Way:
    choice = way.choice if way.choice.method == "lora" else MethodChoice("lora")
    return Way(choice, "bf16", way.optimizer, way.memory._replace(packed=packed))


def _methods(spec: ModelSpec, way: Way, devices: DeviceSet, asked: Usage) -> Iterator[TrainWay]:
    for method, precision, checkpointing in USUAL:
        memory = way.memory._replace(checkpointing=checkpointing, packed=method == "qlora")
        flags = f"--method {method}" + (f" --precision {precision}" if method == "full" else "")
        choice = way.choice if method == "full" else way.choice._replace(method="lora")
        found = _tried(spec, Way(choice, precision, way.optimizer, memory), devices.usable)
        if found is None and method != "full" and not choice.targets:  # a model of which peft has no targets of its own
            choice, flags = choice._replace(targets=(ALL_LINEAR,)), f"{flags} --lora-targets {ALL_LINEAR}"
            found = _tried(spec, Way(choice, precision, way.optimizer, memory), devices.usable)
        if found:
            flags += f" --checkpointing {checkpointing}" if checkpointing == "full" else ""
            yield _line(flags, found, asked)
