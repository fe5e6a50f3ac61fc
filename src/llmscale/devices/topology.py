"""What links devices of one machine, and kinds of memory: asked by runtimes and speed alike.

Facts of a device are fields of `data/devices.yaml`; here stand the rules for several of them:

- Alike ones have the link that such devices have when nothing is added to them. A bridge that is sold apart is not
  there: two RTX 3090 or two H100 PCIe talk over PCI Express.
- A switch gives any of them its full speed. A fabric's wires lead to so many others, so that few devices use few of
  them. A bridge reaches the cards that it spans; more of them talk over PCI Express.
- Unlike ones sit on no board and under no bridge together: PCI Express, at the speed of the slowest slot.
- Where a device, or what its link does, is not known, the answer is unknown and not a guess.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from llmscale.devices.device import Device, Interconnect, known
from llmscale.devices.sets import DeviceSet
from llmscale.records import NamedTuple

#: 10^9 bytes a second of a lane, one way, by PCI Express generation: nominal, as datasheets round them.
LANE_GB_S = {1: 0.25, 2: 0.5, 3: 1.0, 4: 2.0, 5: 4.0, 6: 8.0}
#: Kinds of memory with so wide a bus that a chip's kernels cannot use all of it.
HBM = frozenset(("HBM", "HBM2", "HBM2e", "HBM3", "HBM3e"))


class Link(NamedTuple):
    """What links several devices.

    Attributes:
        kind: as `Interconnect` has it; ``unknown`` where nobody says.
        gb_s: 10^9 bytes a second that one of them sends to the others together, one way; None where not known.
        name: what its vendor calls it.
    """

    kind: Literal["switch", "fabric", "bridge", "pcie", "none", "unknown"]
    gb_s: float | None = None
    name: str = ""


NONE, UNKNOWN = Link("none"), Link("unknown")
PCIE = "PCI Express"


def has_hbm(device: Device) -> bool:
    """Whether its memory is stacked beside the chip."""
    return device.memory_kind in HBM


def link_between(devices: DeviceSet) -> Link:
    """What links `devices` with each other; one alone, what would link it with another of its kind."""
    return _between(tuple(kind.id for kind in devices.kinds), max(2, devices.count))


@lru_cache(maxsize=4096)
def _between(ids: tuple[str, ...], count: int) -> Link:
    links = [device.link if device else None for device in map(known, dict.fromkeys(ids))]
    if len(links) == 1:
        return _alike(links[0], count)
    return min((_slots(link) for link in links), key=_speed)


def _alike(link: Interconnect | None, count: int) -> Link:
    """Of `count` devices that all have `link`."""
    if link is None:
        return UNKNOWN
    if link.kind == "none":
        return NONE
    if link.kind == "pcie" or (link.kind == "bridge" and link.peers is not None and count > link.peers + 1):
        return _slots(link)
    used = 1.0
    if link.kind == "fabric" and link.peers is not None:
        used = min(1.0, (count - 1) / link.peers)
    return Link(link.kind, None if link.gb_s is None else link.gb_s * used, link.name)


def _slots(link: Interconnect | None) -> Link:
    """Over PCI Express."""
    if link is not None and link.kind == "none":
        return NONE
    speed = slot_gb_s(link) if link else None
    return UNKNOWN if speed is None else Link("pcie", speed, PCIE)


def slot_gb_s(link: Interconnect) -> float | None:
    """10^9 bytes a second of a device's slot, one way; None where it is not known."""
    if link.pcie is None or link.lanes is None:
        return None
    each = LANE_GB_S.get(link.pcie)
    return None if each is None else each * link.lanes


def _speed(link: Link) -> float:
    """Sorts links from the weakest; before all comes one of which nothing is known."""
    return -1.0 if link == UNKNOWN else link.gb_s or 0.0
