"""Memory that a log's run did not get, beside what llmscale says of it, and what fits instead."""

from __future__ import annotations

from llmscale.answers.placed import Laid, longest
from llmscale.answers.results.log import LogTrouble
from llmscale.fit.bare import Bare
from llmscale.fit.subject import Counted
from llmscale.runtimes.logged import Logged, Trouble
from llmscale.runtimes.placed import WEIGHTS, Placement

#: The kind of what is told by no line, but by what was held: more than the weights.
BESIDES = "besides_weights"


def trouble(told: Logged, one: Laid, model: Counted | Bare) -> LogTrouble | None:
    """What was not to be had, beside what llmscale says of it; None where nothing was lacking."""
    lack = told.trouble
    if lack is None:
        return None
    device = min(lack.device or 0, len(one.placed.devices) - 1)
    known = not one.devices.unnamed
    split = one.running.layers if known and one.running else None
    kind = lack.kind or _kind(lack, one.placed, device)
    return LogTrouble(
        kind=kind,
        device=lack.device,
        wanted_bytes=lack.wanted,
        available_bytes=lack.had,
        estimate_bytes=_asked_for(one.placed, kind, device),
        max_context=lack.longest or (longest(one, model.about) if known else None),
        gpu_layers=split.on_devices if split else None,
        layers=split.total if split else None,
        cpu_moe=(split.cpu_moe or None) if split else None,
        device_bytes=lack.whole,
        held_bytes=lack.held,
        spare_bytes=lack.spare,
        others_bytes=lack.others,
        weights_bytes=_asked_for(one.placed, WEIGHTS, device),
        total_bytes=one.placed.devices[device].used,
    )


def _kind(lack: Trouble, placed: Placement, device: int) -> str:
    """What the memory was for by what was held: weights while they are not all there; empty where that is not told."""
    if lack.held is None:
        return ""
    weights = _asked_for(placed, WEIGHTS, device)
    return WEIGHTS if lack.held + (lack.wanted or 0) <= weights else BESIDES


def _asked_for(placed: Placement, kind: str, device: int) -> int:
    """What the sequences that were asked for take of that kind on a device."""
    parts = placed.devices[device].parts
    if kind == BESIDES:
        return sum(part.size.value for part in parts if part.kind != WEIGHTS)
    return sum(part.size.value for part in parts if part.kind == kind)
