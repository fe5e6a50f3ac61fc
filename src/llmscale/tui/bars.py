"""Memory bars: how a device's bytes are shared out, told apart by signs as well as by colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from textual.content import Content

from llmscale.answers.results.estimate import DeviceFit, DeviceUsage
from llmscale.records import NamedTuple


class Mark(NamedTuple):
    """How a kind of bytes is drawn."""

    sign: str
    style: str


WEIGHTS, CACHE, OTHER = Mark("█", "$primary"), Mark("▓", "$warning"), Mark("▒", "$success")
FREE, LACKING = Mark("·", "$text-muted"), Mark("!", "$error")
#: What a part of a device is drawn as; any other is `OTHER`.
MARKS = {"weights": WEIGHTS, "kv_cache": CACHE}
#: The columns of the view whose figures are drawn.
DRAWN = {
    "weights_bytes": WEIGHTS,
    "kv_cache_bytes": CACHE,
    "state_bytes": OTHER,
    "overhead_bytes": OTHER,
    "mmproj_bytes": OTHER,
    "draft_bytes": OTHER,
    "free_bytes": FREE,
}


def bars(device: DeviceFit, width: int) -> Iterator[Content]:
    """One for each card; those that are alike share one, with their number before it."""
    for alike, usages in groupby(device.per_device, key=lambda usage: (usage.usable_bytes, usage.parts)):
        usable, parts = alike
        count = len(list(usages))
        before = f"{count} x " if count > 1 else ""
        yield Content.assemble(
            before, *bar(DeviceUsage("", usable, sum(parts.values()), 0, parts), width - len(before))
        )


def bar(usage: DeviceUsage, width: int) -> Sequence[Content]:
    """Signs in proportion; what does not fit stands behind where the device ends."""
    whole = max(usage.usable_bytes, usage.used_bytes, 1)
    signs: list[Mark] = []
    reached = 0
    for kind in sorted(usage.parts, key=lambda kind: list(MARKS).index(kind) if kind in MARKS else len(MARKS)):
        reached += usage.parts[kind]
        signs += [MARKS.get(kind, OTHER)] * (round(width * reached / whole) - len(signs))
    signs += [FREE] * (width - len(signs))
    ends = round(width * usage.usable_bytes / whole)
    signs[ends:] = [LACKING] * (width - ends)
    return [Content.styled(mark.sign * len(list(run)), mark.style) for mark, run in groupby(signs)]
