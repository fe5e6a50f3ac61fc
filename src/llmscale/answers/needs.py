"""``needs``: which devices a model takes, smallest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmscale.answers.choose import Asked, available, best, summed, work_of
from llmscale.answers.choose import asked as ask
from llmscale.answers.model import DEFAULT_KV, Model, check_workload, kv_format, reserve_bytes
from llmscale.answers.results.common import LossRef
from llmscale.answers.results.needs import NeededDevice, NeedsResult
from llmscale.answers.speed import pace
from llmscale.devices import device as devices
from llmscale.devices.device import Device
from llmscale.devices.sets import MAX_COUNT, DeviceSet, set_of
from llmscale.errors import UsageError
from llmscale.formats.recipe import Quant
from llmscale.sources import load
from llmscale.units import GIB


def needs(
    reference: str,
    quants: Sequence[str] = (),
    *,
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    runtime: str | None = None,
    max_count: int = 2,
    max_price: float | None = None,
    kinds: Sequence[str] = (),
    everything: bool = False,
    catalogue: str | None = None,
) -> NeedsResult:
    """Which devices a model takes, smallest memory first: one where one is enough, else up to `max_count` alike.

    Each with the quant of the least loss that fits it; of one quant named, only the devices that take it so.

    Args:
        quants, runtime: what to choose from, as in `fits`.
        max_price: the most that all of an option may have cost at launch, in USD; then only what has a price is shown.
        kinds: only devices of these, see `KINDS`; all when there are none.
    """
    check_workload(context, batch)
    if not 1 <= max_count <= MAX_COUNT:
        raise UsageError(f"--max-count must lie between 1 and {MAX_COUNT:,}.")
    if max_price is not None and not 0 < max_price < float("inf"):
        raise UsageError("--max-price must be a sum of money above zero.", "In USD, for example --max-price 2000.")
    wanted = {_kind(name) for name in kinds}
    spec = load(reference, catalogue=catalogue).known()
    model = Model.of(spec)
    asked = ask(context, batch, kv_format(kv_dtype), quants, runtime, quant_map, sparsity)
    counted, model = model, summed(model, asked)
    steps = available(model, asked)
    enough, unpriced = [], 0
    of_kind = [device for device in devices.entries() if not wanted or wanted & _kinds_of(device)]
    for device in of_kind:
        most = 1 if device.kind in _ALONE else max_count
        sets = [set_of(device, count, reserve_bytes(reserve)) for count in range(1, most + 1)]
        found = _enough(device, model, steps, sets, asked)
        unpriced += found is not None and found.price_usd is None
        enough += [found] if found and _affordable(found, max_price) else []
    enough.sort(key=lambda d: (d.count * _per_gib(d), d.count, d.price_usd or 1e9, d.id))
    shown = enough if everything else _smallest(enough)
    smallest = steps[-1]
    return NeedsResult(
        model=model.ref,
        quants=tuple(quant.id for quant in steps),
        context=model.context(context),
        batch=batch,
        total_bytes=model.candidate(smallest, asked.runtime).footprint(work_of(model, smallest, asked)).total,
        devices=tuple(_paced(found, counted, steps, asked) for found in shown),
        hidden=len(enough) - len(shown),
        warnings=(*spec.warnings, *_left_out(unpriced if max_price is not None else 0)),
    )


#: What `kinds` may name: those of the catalogue, and Apple's devices of unified memory.
KINDS = ("consumer", "datacentre", "workstation", "laptop", "unified", "apple")


def _kind(name: str) -> str:
    kind = name.strip().lower().replace("datacenter", "datacentre")
    if kind not in KINDS:
        raise UsageError(f"There is no kind of device called '{name[:40]}'.", f"One of: {', '.join(KINDS)}.")
    return kind


def _kinds_of(device: Device) -> set[str]:
    return {device.kind} | ({"apple"} if device.kind == "unified" and device.vendor == "Apple" else set())


def _left_out(unpriced: int) -> list[str]:
    return [f"{unpriced} more would be enough; the catalogue has no price of theirs (--max-price)."] if unpriced else []


def _affordable(found: NeededDevice, max_price: float | None) -> bool:
    return max_price is None or (found.price_usd is not None and found.price_usd <= max_price)


#: Kinds of which nobody builds a pair.
_ALONE = {"laptop", "unified"}


def _enough(
    device: Device,
    model: Model,
    steps: Sequence[Quant],
    sets: Sequence[DeviceSet],
    asked: Asked,
) -> NeededDevice | None:
    for found in sets:
        try:
            quant, answer = best(model, steps, found, asked)
        except UsageError:  # the runtime refuses so many of these
            continue
        if answer.fits:
            return NeededDevice(
                id=device.id,
                name=device.name,
                kind=device.kind,
                count=found.count,
                memory_bytes=found.memory,
                usable_bytes=found.total_usable,
                headroom_bytes=answer.headroom,
                max_context=answer.max_context,
                price_usd=device.price_usd * found.count if device.price_usd else None,
                power_w=device.power_w * found.count if device.power_w else None,
                quant=quant.id,
                loss=LossRef.of(quant.id, model.ref.id),
                tokens_per_second=None,
                tokens_per_second_range=None,
            )
    return None


def _paced(found: NeededDevice, model: Model, steps: Sequence[Quant], asked: Asked) -> NeededDevice:
    """With its speed, where that is known."""
    quant = next(step for step in steps if step.id == found.quant)
    sets = set_of(devices.entry(found.id), found.count)
    speed = pace(model, quant, work_of(model, quant, asked), asked.of(quant), sets)
    if speed is None:
        return found
    ends = (speed.decode.low, speed.decode.high)
    return replace(found, tokens_per_second=speed.decode.value, tokens_per_second_range=ends)


def _per_gib(found: NeededDevice) -> float:
    return round(found.memory_bytes / found.count / GIB)


def _smallest(enough: Sequence[NeededDevice], of_each: int = 8, at_most: int = 40) -> list[NeededDevice]:
    """The smallest few of each kind, in the order given."""
    seen: dict[str, int] = {}
    shown = []
    for found in enough:
        seen[found.kind] = seen.get(found.kind, 0) + 1
        if seen[found.kind] <= of_each:
            shown.append(found)
    return shown[:at_most]
