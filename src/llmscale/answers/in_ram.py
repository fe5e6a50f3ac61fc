"""What lies in RAM in part: in which quants it is taken, and when it is too slow to be named among others."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.devices.sets import DeviceSet
from llmscale.fit.choose import Chosen
from llmscale.fit.pace import Pace, assumed_ram
from llmscale.formats.recipe import Quant
from llmscale.runtimes.placed import LayerSplit

#: Tokens a second below which a model that lies in RAM in part is not named among others: twice a slow reader's
#: pace, since most of what is made today thinks before it answers.
LEAST_IN_RAM = 10.0
#: Bits of the quants that are taken where layers lie in RAM: what is read there for each token decides the pace.
MOST_IN_RAM = 5.0


def crawls(found: Pace | None, sparse: bool, least: float = LEAST_IN_RAM) -> bool:
    """Whether what lies in RAM in part is too slow to be named; so a dense model is held to be where nobody knows."""
    return found.decode.value < least if found else not sparse


def lighter(steps: Iterable[Quant]) -> list[Quant]:
    """The quants that are taken where a part lies in RAM."""
    return [quant for quant in steps if quant.keeps or quant.bits <= MOST_IN_RAM]


def ram_assumed(chosen: Chosen, devices: DeviceSet) -> tuple[float, float, float] | None:
    """How fast the RAM is taken to be that it lies in, from the slowest; None where nobody has to."""
    return assumed_ram(chosen.runtime, chosen.settled.work, chosen.placed.layers, devices)


def in_ram(layers: LayerSplit | None) -> int | None:
    """How many layers lie in host memory, as a whole or with their experts; None where nothing is said of layers."""
    return None if layers is None else layers.total - layers.on_devices + layers.experts_in_ram
