"""What is asked of a model on named devices when nobody names a quant: what people run on devices like these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.devices.device import entries
from llmscale.devices.sets import DeviceSet
from llmscale.fit.subject import Model
from llmscale.formats.ladder import originals
from llmscale.formats.recipe import Quant
from llmscale.formats.select import named
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import RuntimeInfo
from llmscale.runtimes.refusals import runs, unmodelled
from llmscale.runtimes.registry import FIRST, infos
from llmscale.runtimes.registry import runtime as find_runtime

#: How small a file has to be beside the published one to be worth what it loses.
WORTHWHILE = 0.9


class Usual(NamedTuple):
    """Quants, the better first, and the runtime that they are asked for on; None for each quant's own."""

    quants: tuple[Quant, ...]
    runtime: str | None = None


def usual(model: Model, devices: Sequence[DeviceSet], runtime: str | None = None) -> Usual | None:
    """What people run it in: the format it is published in and what a server runs on devices of data centres, the
    usual steps of the first runtime on all others, and those of the runtime that is asked for. None where none takes
    the model, or nothing is known to be usual on that runtime."""
    if runtime:
        info = find_runtime(runtime).info
        found = _had(model, info, devices)
        return Usual(found, runtime) if found else None
    for info in serving(devices) if not model.about.sequence else ():
        if found := _had(model, info, devices):
            return Usual(found, info.name)
    found = _had(model, find_runtime(FIRST).info, devices)
    return Usual(found) if found else None


def serving(devices: Sequence[DeviceSet]) -> Iterator[RuntimeInfo]:
    """The runtimes that are at home on all of the devices."""
    known = {device.id: device.kind for device in entries()}
    kinds = {known.get(kind.id, "") for found in devices for kind in found.kinds}
    return (info for info in infos() if kinds <= info.home) if kinds else iter(())


def _had(model: Model, info: RuntimeInfo, devices: Sequence[DeviceSet]) -> tuple[Quant, ...]:
    """The steps of a runtime that it runs the model in on these devices; none where it runs it in none."""
    about = model.about
    if not runs(info, about.family) or any(unmodelled(find_runtime(info.name), found) for found in devices):
        return ()
    published = [quant for quant in originals(info.name) if about.published_in and about.published_in in quant.keeps]
    steps = model.has([named(step) for step in info.usual or info.steps])
    if own := model.has(published):
        # Little is won by a file that is about as large as the published one, and something lost.
        size = model.weights(own[0]).value * WORTHWHILE
        return (own[0], *(quant for quant in steps if model.weights(quant).value < size))
    return tuple(steps)
