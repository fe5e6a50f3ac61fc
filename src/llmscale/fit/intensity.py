"""Arithmetic intensity: the FLOPs that a step or a prompt takes, and the bytes that it reads for them.

By the same sums as the law of speed (`llmscale.speed.law`): a step reads the weights once for all its sequences, and
the cache and state of each; a prompt reads the weights once a pass. Its past is among its FLOPs alone.
"""

from __future__ import annotations

from llmscale.devices import device as device_catalogue
from llmscale.devices.sets import DeviceSet
from llmscale.fit.pace import GIGA, Moved, prompt_load, step_load
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.speed.classes import matrix_tflops
from llmscale.speed.law import passes


class Intensity(NamedTuple):
    """FLOPs, and bytes that are read for them."""

    flops: float
    bytes: float

    @property
    def per_byte(self) -> float:
        """FLOPs for each byte."""
        return self.flops / self.bytes


class Roof(NamedTuple):
    """What devices do at most, by their datasheets: bytes and FLOPs a second."""

    bytes: float
    flops: float

    @property
    def ridge(self) -> float:
        """FLOPs for each byte from which on it is the FLOPs that take the time."""
        return self.flops / self.bytes

    def at(self, per_byte: float) -> float:
        """FLOPs a second that are possible there."""
        return min(self.flops, self.bytes * per_byte)


def of_step(what: Moved, work: Workload, batch: int) -> Intensity:
    """Of one decode step of so many sequences."""
    load = step_load(what, work)
    own = load.cache_bytes + load.state_bytes
    return Intensity(batch * load.flops, load.step_bytes(batch) + batch * own)


def of_prompt(what: Moved, work: Workload, chunk: float) -> Intensity:
    """Of one prompt as long as the context, at most `chunk` tokens of it in a pass."""
    times, together = passes(work.context, chunk)
    return Intensity(sum(prompt_load(what, work)), times * step_load(what, work).step_bytes(together))


def roof_of(devices: DeviceSet, together: bool) -> Roof | None:
    """Of devices that are alike; None where a datasheet does not say, or where they are not.

    Args:
        together: whether they share every matrix; else each has some of the layers, and one works at a time.
    """
    found = device_catalogue.known(devices.id) if len(devices.kinds) == 1 else None
    rate = matrix_tflops(found) if found else None
    if found is None or rate is None or found.bandwidth_gb_s is None:
        return None
    at_once = devices.count if together else 1
    return Roof(found.bandwidth_gb_s * GIGA * at_once, rate * GIGA * 1000 * at_once)
