"""What an estimate should not be read without: rules that stand for what is not modelled, limits that are passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.placed import Laid
from llmscale.devices.sets import DeviceSet
from llmscale.fit.subject import Model
from llmscale.notes import Note, note


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
    if context and about.limit and context > about.limit:
        yield note("context_beyond_limit", context=context, limit=about.limit)
    unlike = next((devices.id for devices in named if devices.members), None)
    sharing = [one.runtime.info for line in lines for one in line if one.runtime.info.shares_tensors]
    if unlike:
        for info in sharing:
            yield note("smallest_device_counts", runtime=info.title, devices=unlike)
    if context and about.sequence:
        yield note("context_changes_nothing", model=about.name, tokens=about.sequence)
