"""The formulas behind an estimate and behind each device of it, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.model import Model
from llmscale.answers.place import aside_of
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.speed import explain_pace
from llmscale.devices.sets import DeviceSet
from llmscale.fit.explain import explain_estimate
from llmscale.fit.footprint import Candidate
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import Workload

#: Devices that somebody named, with what was found there.
Held = Sequence[tuple[DeviceSet, DeviceFit]]


def explained(model: Model, quant: Quant, candidate: Candidate, work: Workload, held: Held) -> list[str]:
    """Lines of one quant: its parts, what is loaded beside it, then what is particular to each device."""
    assert model.spec is not None
    assert model.parts is not None
    lines = explain_estimate(model.spec, model.parts, quant, candidate, work)
    lines += [one.explain(work) for one in candidate.beside]
    lines += _laid_out(model, quant, candidate.runtime.name, work, [devices for devices, _ in held])
    for devices, found in held:
        if found.tokens_per_second is not None:
            aside = aside_of(found.gpu_layers, found.layers, found.cpu_moe, work)
            lines += explain_pace(model, quant, work, candidate.runtime.name, devices, aside)
    return lines


def _laid_out(model: Model, quant: Quant, runtime: str, work: Workload, sets: Sequence[DeviceSet]) -> Iterator[str]:
    """What the runtime does on each of these devices."""
    if runtime == "vllm" and model.counted:
        from llmscale.answers.serve import explain_served

        yield from (explain_served(model, quant, work, devices) for devices in sets)
    if runtime == "sglang" and model.counted:
        from llmscale.answers.pooled import explain_pooled

        yield from (explain_pooled(model, quant, work, devices) for devices in sets)
    if runtime == "llama.cpp":
        from llmscale.runtimes.llama_cpp.process import explain_process

        for devices in sets:
            yield from explain_process(devices)
