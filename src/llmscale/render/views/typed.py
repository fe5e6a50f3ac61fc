"""What to type to start each line of an estimate, and for which runtime no line is known."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.estimate import EstimateResult
from llmscale.devices.sets import counted as counted_device
from llmscale.fit.about import DEFAULT_CONTEXT
from llmscale.notes import Note, note, once
from llmscale.quantity import Basis
from llmscale.render.views.cells import commands, for_yours
from llmscale.render.views.next import asked
from llmscale.render.words import Words
from llmscale.runtimes.registry import info
from llmscale.units import GIB


def typed(result: EstimateResult) -> list[str]:
    """The commands, each with what it is for."""
    lines = (
        (f"{counted_device(each.id, each.count)}, {line.quant.upper()}", each.command)
        for line in result.estimates
        for each in line.devices
    )
    return commands(lines)


def untyped(result: EstimateResult, say: Words) -> list[str]:
    """Which runtimes no line to type is known for, and what a line that there is stands for."""
    return [*(say.sentence(told) for told in once(_untyped(result))), *for_yours(typed(result), say)]


def _untyped(result: EstimateResult) -> Iterator[Note]:
    for line in result.estimates:
        if line.devices and not any(each.command for each in line.devices):
            assumed = result.model.basis == Basis.ASSUMED.value
            yield (
                note("size_has_no_command", size=result.model.name)
                if assumed
                else note("no_command", runtime=info(line.runtime).title)
            )


#: RAM in GiB that machines are sold with; a line to type names the first that has a quarter more than what is missing.
SOLD_RAM = (16, 32, 64, 128, 256, 512, 1024)
SPARE_RAM = 1.25


def ways_out(result: EstimateResult, say: Words) -> list[str]:
    """What to ask next where nothing fits the first device: which formats do, and what RAM would hold."""
    first = result.estimates[0].devices[0]
    name, model = counted_device(first.id, first.count), result.model.id
    same = [
        each for line in result.estimates for each in line.devices if (each.id, each.count) == (first.id, first.count)
    ]
    if any(each.fits or each.may_fit for each in same) or not model.replace("-", "").replace(".", "").isalnum():
        return []
    on = f'"{name}"' if " " in name else name
    context = "" if result.context == DEFAULT_CONTEXT else f" -c {result.context}"
    lines = [("formats", f"llmscale fits {on} {model}{context}")]
    offloads = any(option.name == "ram" for option in info(result.estimates[0].runtime).options)
    if offloads and all(each.gpu_layers == each.layers for each in same):
        missing = SPARE_RAM * min(max(0, each.used_bytes - each.usable_bytes) + each.host_bytes for each in same) / GIB
        ram = next((size for size in SOLD_RAM if size >= missing), SOLD_RAM[-1])
        lines.append(("ram", f"llmscale estimate {model} --gpu {on}{context} --ram {ram}GB"))
    return asked(lines, say)
