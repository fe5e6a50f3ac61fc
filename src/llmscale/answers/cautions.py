"""What an answer should not be read without: rules that stand for what is not modelled, limits that are passed, how
fast the RAM is taken to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from llmscale.answers.placed import Laid, running_ram
from llmscale.devices.sets import DeviceSet
from llmscale.fit.subject import Model
from llmscale.formats.recipe import OWN_MIX, Quant
from llmscale.notes import Note, note
from llmscale.runtimes.placed import Verdict

if TYPE_CHECKING:
    from llmscale.answers.results.fits import FittingModel


def cautions(
    model: Model, lines: Sequence[Sequence[Laid]], named: Sequence[DeviceSet], context: int | None
) -> Iterator[Note]:
    """Everything to be read with an estimate.

    Args:
        lines: what each quant comes to.
        context: as it was asked for, None where it was not.
    """
    about = model.about
    for line in lines:
        for one in line:
            yield from one.placed.notes
    yield from ram_taken(running_ram(one) for line in lines for one in line if one.placed.fits is Verdict.YES)
    if context and about.limit and context > about.limit:
        yield note("context_beyond_limit", context=context, limit=about.limit)
    yield from _unpublished(model, [one.subject.quant for line in lines for one in line])
    unlike = next((devices.id for devices in named if devices.members), None)
    sharing = [one.runtime.info for line in lines for one in line if one.runtime.info.shares_tensors]
    if unlike:
        for info in sharing:
            yield note("smallest_device_counts", runtime=info.title, devices=unlike)
    if context and about.sequence:
        yield note("context_changes_nothing", model=about.name, tokens=about.sequence)


def ram_taken(ends: Iterable[Sequence[float] | None]) -> Iterator[Note]:
    """How fast the RAM is taken to be, where a speed rests on it and nobody said."""
    found = next(filter(None, ends), None)
    if found:
        yield note("ram_taken", low=round(found[0] / 1e9), high=round(found[-1] / 1e9))


def partly_in_ram(ends: Iterable[Sequence[float] | None], least: float | None) -> Iterator[Note]:
    """How a list of models is to be read of which some lie in RAM in part; `least` of what is left out of it."""
    yield from ram_taken(ends)
    if least is not None:
        yield note("slow_in_ram", least=least)


def beyond_limits(lines: Sequence[FittingModel], limits: Mapping[str, int | None]) -> Iterator[Note]:
    """That some were not made for so long a context."""
    short = [line for line in lines if (limits[line.id] or line.context) < line.context]
    if len(lines) == 1 and short:
        yield note("context_beyond_limit", context=short[0].context, limit=limits[short[0].id])
    elif short:
        yield note("context_beyond_limits", context=short[0].context, models=[line.id for line in short])


def _unpublished(model: Model, quants: Sequence[Quant]) -> Iterator[Note]:
    """That a recipe for models of another kind is no file of this one, with what is published under its name."""
    about = model.about
    found = {quant.id: quant for quant in quants if quant.meant_for and about.published_in not in quant.keeps}
    others = [quant for quant in found.values() if quant.kind == "gguf"]
    if len(others) > 1:
        yield note("recipes_not_published", quants=[quant.name for quant in others], model=about.name)
    elif others:
        from llmscale.catalogue.published_files import of_model  # few quants need it

        (quant,) = others
        files = [one.told for one in of_model(about.id, f"{OWN_MIX[0]}{quant.id}")]
        yield note("recipe_not_published", quant=quant.name, meant=quant.meant_for, model=about.name, files=files)
