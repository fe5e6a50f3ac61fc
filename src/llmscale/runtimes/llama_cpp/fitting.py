"""What goes on the devices where not everything does: as many layers as fit, or all less some layers' experts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmscale.runtimes.llama_cpp.load import Load
from llmscale.runtimes.llama_cpp.settings import Offload

#: Parts of a device in which layers are dealt out evenly.
PARTS = 64


def fitted(load: Load, offload: Offload, *, deals: bool = True) -> Offload:
    """As much on the devices as fits: all but some layers' experts where that is enough, since these are read least.

    Args:
        deals: whether it may choose how many layers each device gets.
    """
    if any(load.weights.experts):
        deal = dealt_experts if deals and offload.devices > 1 else fewest_experts
        if (found := deal(load, offload)) is not None:
            return found._replace(gpu_layers=load.layers)
    return offload._replace(gpu_layers=most_layers(load, offload))


def dealt_experts(load: Load, offload: Offload) -> Offload | None:
    """With the experts of as few layers in host memory as all else needs, on devices that are filled one after another:
    layers without experts are small, so that the first devices get many (llama.cpp's common/fit.cpp does so in steps
    of its own). None when nothing is enough."""
    count = load.layers - 1
    # What a compute buffer takes hardly changes with the deal; whether all fits is asked of what was dealt.
    rooms = load.rooms(load.offload._replace(cpu_moe=load.layers))

    def deal(on_device: int) -> tuple[Offload, bool]:
        some = offload._replace(cpu_moe=count - on_device)
        counts, fits = dealt(load.sizes(some), rooms)
        return some._replace(split=tuple(map(float, counts))), fits

    def fits(on_device: int) -> bool:
        return load.fits(deal(on_device)[0])

    most = _last(lambda on_device: deal(on_device)[1], count)
    while most >= 0 and not fits(most):
        most -= 1
    while 0 <= most < count and fits(most + 1):
        most += 1
    return deal(most)[0] if most >= 0 else None


def dealt_layers(load: Load, offload: Offload) -> Offload:
    """The same with as many layers on each of several devices as it holds where equal shares do not fit and these do:
    with the experts of the first ones in host memory, the last layers are far larger than they are."""
    if offload.devices < 2 or load.fits(offload):
        return offload
    sizes, rooms = load.sizes(offload), load.rooms(offload)

    def deal(parts: int) -> tuple[Offload, bool]:
        counts, fits = dealt(sizes, [room * parts // PARTS for room in rooms])
        return offload._replace(split=tuple(map(float, counts))), fits

    if not deal(PARTS)[1]:
        return offload
    # The smallest part of every device that holds them leaves each as much as the others.
    least = PARTS - _last(lambda spared: deal(PARTS - spared)[1], PARTS - 1)
    found = deal(least)[0]
    return found if load.fits(found) else offload


def dealt(sizes: Sequence[int], rooms: Sequence[int]) -> tuple[list[int], bool]:
    """How many of `sizes` fill each of `rooms` after the one before it, the rest in the last; and whether they fit."""
    at, counts, taken = 0, [], 0
    for number, room in enumerate(rooms):
        taken, first, last = 0, at, number == len(rooms) - 1
        while at < len(sizes) and (last or taken + sizes[at] <= room):
            taken, at = taken + sizes[at], at + 1
        counts.append(at - first)
    return counts, taken <= rooms[-1]


def most_layers(load: Load, offload: Offload) -> int:
    """The most layers, the output counted as one, with which no device holds more than it has."""

    def laid(layers: int) -> Offload:
        return offload._replace(gpu_layers=layers)

    # All of them may fit where one less does not: only a partial offload streams weights to the device.
    return load.layers if load.fits(laid(load.layers)) else _last_that_fits(load, laid, load.layers)


def fewest_experts(load: Load, offload: Offload) -> Offload | None:
    """With the experts of as few layers in host memory as all else needs to fit; None when that is not enough."""
    count = load.layers - 1

    def with_experts(on_device: int) -> Offload:
        return offload._replace(cpu_moe=count - on_device)

    return with_experts(_last_that_fits(load, with_experts, count)) if load.fits(with_experts(0)) else None


def _last_that_fits(load: Load, laid: Callable[[int], Offload], most: int) -> int:
    """The last number up to `most` that fits, where each one takes more than the one before; 0 is taken to fit.

    It is looked for from the last one that fits without compute buffers downwards: they take little.
    """
    low = _last(lambda number: load.may_fit(laid(number)), most)
    high, step = low + 1, 1
    while low > 0 and not load.fits(laid(low)):
        high, low, step = low, max(0, low - step), 2 * step
    return low + _last(lambda further: load.fits(laid(low + further)), high - low - 1)


def _last(fits: Callable[[int], bool], most: int) -> int:
    """The last number up to `most` that fits, where each one takes more than the one before; 0 is taken to fit."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
