"""What to type to start each line of an estimate, and for which runtime no line is known."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.estimate import EstimateResult
from llmscale.devices.sets import counted as counted_device
from llmscale.notes import Note, note, once
from llmscale.quantity import Basis
from llmscale.render.views.cells import commands, for_yours
from llmscale.render.words import Words
from llmscale.runtimes.registry import info


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
