"""``needs``: which devices a model takes, smallest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmscale.answers.given import above_nothing, whole_number
from llmscale.answers.needs_devices import USUAL, as_sold, counts_of, filtered, kinds_of, refuse_count, with_room
from llmscale.answers.placed import enough as dealt
from llmscale.answers.question import quants_of, question, reserve_bytes
from llmscale.answers.results.common import LossRef, model_ref
from llmscale.answers.results.needs import NeededDevice, NeedsResult
from llmscale.devices import device as catalogue_of_devices
from llmscale.devices.device import Device
from llmscale.devices.sets import ANY_DEVICE, DeviceSet, set_of
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.about import About
from llmscale.fit.choose import Choices, Chosen, answer, available, best, choices, too_large
from llmscale.fit.largest import longest_context
from llmscale.fit.pace import moved, pace
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import Model, model_of
from llmscale.formats.ladder import WIDEST, above_floor
from llmscale.formats.recipe import Quant
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.sources.registry import load
from llmscale.units import GIB

#: Rows of a list that is not asked for whole.
MOST_ROWS = 12
#: Kinds of which nobody builds a pair.
ALONE = {"laptop", "unified"}


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
    options: Mapping[str, Any] | None = None,
    max_count: int | None = None,
    max_price: float | None = None,
    kinds: Sequence[str] = (),
    everything: bool = False,
    catalogue: str | None = None,
) -> NeedsResult:
    """Which devices a model takes, smallest memory first: one where one is enough, else several alike.

    One row a size of memory that a better quant fits than the one before: the cheapest consumer card or pair of it,
    with others as large. Each with the quant of the least loss that fits it; of one quant named, one row a size.

    Args:
        quants, runtime, options: what to choose from, as in `fits`.
        max_count: the most of one device together; the first of `COUNTS` that is enough when None.
        max_price: the most that all of an option may have cost at launch, in USD; then only what has a price is shown.
        kinds: only devices of these, see `KINDS`; when there are none `USUAL`, or all where none of those is enough.
        everything: every device that is enough, in every quant.
    """
    max_count = whole_number("--max-count", max_count)
    above_nothing("--max-price", max_price)
    counts = counts_of(max_count)
    wanted = filtered(kinds, max_price, counts[0])
    asked = question(context, batch, kv_dtype, runtime, options, catalogue)
    loaded = load(reference, catalogue=catalogue)
    model = model_of(loaded.known(), loaded.stored, loaded.notes)
    named = quants_of(quants, loaded, runtime)
    every = choices(named, runtime, quant_map, sparsity)
    steps = available(model, every, asked) if named or everything else _worth(model, every, runtime, asked)
    refuse_count(max(map(asked.ranks, steps)), counts[-1])
    of_kind = [
        sold
        for device in catalogue_of_devices.entries()
        if not wanted or wanted & kinds_of(device)
        for sold in (as_sold(device) if wanted or everything else [device])
    ]
    kept = reserve_bytes(reserve)
    roomy = with_room(of_kind, kept)
    affordable, unpriced = [], 0
    for most in counts:
        enough = [found for device in roomy for found in _enough(device, model, steps, asked, most, kept)]
        affordable = [found for found in enough if max_price is None or (found.price and found.price <= max_price)]
        unpriced = sum(found.price is None for found in enough) if max_price is not None else 0
        if affordable:
            break
    affordable.sort(key=lambda found: found.order)
    usual = [found for found in affordable if wanted or (found.device.kind == USUAL and found.price)] or affordable
    shown = [(found, ()) for found in affordable] if everything else _by_step(usual, steps)
    alone = () if everything else _of_other_kinds(usual, affordable)
    smallest = answer(model, steps[-1], dealt(ANY_DEVICE, asked.ranks(steps[-1])), asked)
    return NeedsResult(
        model=model_ref(model.about),
        quants=tuple(quant.id for quant in steps),
        context=smallest.settled.work.context,
        batch=batch,
        total_bytes=smallest.placed.total,
        devices=tuple(found.line(model.about, others) for found, others in shown),
        hidden=len(affordable) - len(shown),
        notes=(*model.about.notes, *beyond(context, model.about), *_left_out(unpriced), *alone),
    )


def _sold_as(device: Device) -> str:
    """How it is named; of one that is sold with several sizes of memory the one that is meant.

    Behind a colon stands how much of it is the GPU's, where its owner sets that.
    """
    between = " " if device.carve_out else ":"
    return f"{device.id}{between}{device.memory_gib:g}GB" if device.memory_options_gib else device.id


class _Found(NamedTuple):
    """A device, or several alike, that take the model."""

    device: Device
    devices: DeviceSet
    chosen: Chosen

    @property
    def price(self) -> float | None:
        """What all of them cost at launch."""
        return self.device.price_usd * self.devices.count if self.device.price_usd else None

    @property
    def order(self) -> tuple[float, int, float, str]:
        """Smallest memory first, then fewest, cheapest."""
        each = round(self.devices.memory / self.devices.count / GIB)
        return self.devices.count * each, self.devices.count, self.price or 1e9, self.device.id

    @property
    def called(self) -> str:
        """``2x rtx3090``."""
        return f"{self.devices.count}x {_sold_as(self.device)}" if self.devices.count > 1 else _sold_as(self.device)

    def line(self, about: About, others: tuple[str, ...]) -> NeededDevice:
        """What is shown of them, and `others` that are as good."""
        device, devices, chosen = self
        placed, work = chosen.placed, chosen.settled.work
        speed = pace(chosen.runtime, moved(chosen.subject), chosen.quant.id, work, placed, devices)
        return NeededDevice(
            id=_sold_as(device),
            name=device.name,
            kind=device.kind,
            count=devices.count,
            memory_bytes=devices.memory,
            usable_bytes=placed.usable,
            used_bytes=placed.used,
            free_bytes=placed.free,
            host_bytes=placed.host.used,
            total_bytes=placed.total,
            headroom_bytes=placed.headroom,
            max_context=None
            if about.sequence
            else longest_context(chosen.runtime, chosen.subject, chosen.asked, devices, about.limit),
            price_usd=self.price,
            power_w=device.power_w * devices.count if device.power_w else None,
            quant=chosen.quant.id,
            runtime=chosen.runtime.info.name,
            release=chosen.runtime.release,
            loss=LossRef.of(chosen.quant.id, about.id),
            tokens_per_second=speed.decode.value if speed else None,
            tokens_per_second_range=(speed.decode.low, speed.decode.high) if speed else None,
            others=others,
        )


def _enough(
    device: Device, model: Model, steps: Sequence[Quant], asked: Question, max_count: int, kept: int | None
) -> Iterator[_Found]:
    """The fewest of a device that are enough; none where so many are not."""
    for count in _counts(device, steps, asked, max_count):
        devices = set_of(device, count, kept)
        if too_large(model, steps, devices, asked):
            continue
        try:
            found = best(model, steps, devices, asked)
        except (UsageError, UnsupportedModelError):  # the runtime refuses so many of these
            continue
        if found.fits and not (found.runtime.info.shares_tensors and count & (count - 1)):
            yield _Found(device, devices, found)
            return


def _counts(device: Device, steps: Sequence[Quant], asked: Question, most: int) -> Iterable[int]:
    """How many of a device one would build together: what shares every matrix wants a power of two."""
    least = max(map(asked.ranks, steps))
    counts = range(least, 1 + (1 if device.kind in ALONE else most))
    if all(asked.runs(quant).info.shares_tensors for quant in steps):
        return [count for count in counts if count == least or count & (count - 1) == 0]
    return counts


def beyond(context: int | None, about: About) -> Iterator[Note]:
    """That the model was not made for so long a context."""
    if context and about.limit and context > about.limit and not about.sequence:
        yield note("context_beyond_limit", context=context, limit=about.limit)


def _left_out(unpriced: int) -> list[Note]:
    return [note("no_price", count=unpriced)] if unpriced else []


def _of_other_kinds(usual: Sequence[_Found], enough: Sequence[_Found]) -> list[Note]:
    """What is smaller, or fewer of them, than the first of the kind that is shown."""
    if not enough or enough[0].order[:2] >= usual[0].order[:2]:
        return []
    found = enough[0]
    memory = round(found.devices.memory / GIB)
    return [note("needs_other_kind", device=found.called, kind=found.device.kind, memory=memory)]


def _worth(model: Model, quants: Choices, runtime: str | None, asked: Question) -> list[Quant]:
    """The quants that somebody would buy a device for: 16 bits, and the steps down to the floor of loss.

    All of those that there are where none is above it.
    """
    common = {quant.id for steps in choices((), runtime, common=True).ladders for quant in steps}
    kept = quants.of(lambda quant: quant.bits >= WIDEST or bool(quant.keeps) or quant.id in common)
    try:
        found = [quant for quant in available(model, kept, asked) if above_floor(quant, model.about.id)]
    except UnsupportedModelError:
        found = []
    return found or available(model, quants, asked)


def _by_step(enough: Sequence[_Found], steps: Sequence[Quant]) -> list[tuple[_Found, tuple[str, ...]]]:
    """Of each memory size the cheapest, with others of it; only sizes that a better quant fits than a smaller one.

    What nobody knows the price of comes after what has one. Where one quant was to choose from all sizes are kept.
    """
    place = {quant.id: at for at, quant in enumerate(steps)}
    sizes: dict[float, list[_Found]] = {}
    for found in enough:
        sizes.setdefault(found.order[0], []).append(found)
    rows: list[tuple[_Found, tuple[str, ...]]] = []
    for alike in sizes.values():
        best = min(place[found.chosen.quant.id] for found in alike)
        if rows and len(steps) > 1 and best >= place[rows[-1][0].chosen.quant.id]:
            continue
        first, *others = sorted((one for one in alike if place[one.chosen.quant.id] == best), key=_cheapest)
        rows.append((first, tuple(one.called for one in others if one.price)))
    return rows[:MOST_ROWS]


def _cheapest(found: _Found) -> tuple[float, int, str]:
    return found.price or float("inf"), found.devices.count, found.device.id
