"""``needs``: which devices a model takes, smallest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmscale.answers.cautions import ram_taken
from llmscale.answers.given import above_nothing, whole_number
from llmscale.answers.in_ram import ram_assumed
from llmscale.answers.needs_devices import USUAL, as_sold, counts_of, filtered, kinds_of, refuse_count, with_room
from llmscale.answers.needs_enough import Enough, enough, swift, ways_of
from llmscale.answers.placed import enough as dealt
from llmscale.answers.question import quants_of, question, reserve_bytes
from llmscale.answers.results.common import model_ref
from llmscale.answers.results.needs import NeedsResult
from llmscale.devices import device as catalogue_of_devices
from llmscale.devices.device import Device
from llmscale.devices.sets import ANY_DEVICE
from llmscale.errors import UnsupportedModelError
from llmscale.fit.about import About
from llmscale.fit.choose import (
    Choices,
    answer,
    available,
    choices,
    published,
)
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import Model, model_of
from llmscale.formats.ladder import WIDEST, above_floor
from llmscale.formats.recipe import Quant
from llmscale.notes import Note, note
from llmscale.sources.registry import load
from llmscale.units import GIB

#: Rows of a list that is not asked for whole.
MOST_ROWS = 12


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
    affordable, unpriced, slow, taken = [], 0, list[Note](), list[Note]()
    ways = ways_of(asked, steps, bool(named))
    for most in counts:
        suffice = [found for device in roomy for found in enough(device, model, ways, most, kept)]
        taken = list(ram_taken(ram_assumed(found.chosen, found.devices) for found in suffice))
        suffice, slow = (suffice, []) if everything or len(ways) == 1 else swift(suffice, model.about)
        affordable = [found for found in suffice if max_price is None or (found.price and found.price <= max_price)]
        unpriced = sum(found.price is None for found in suffice) if max_price is not None else 0
        if not all(found.in_part for found in affordable):
            break
    usual = _usual(affordable, bool(wanted))
    own = None if everything else published(model, steps)
    whole: list[Enough] = []
    if own and all(found.chosen.quant is not own for found in usual):
        whole = [found for found in affordable if found.chosen.quant is own]
        if not whole:
            whole = _whole(own, model, asked, roomy, counts, kept, max_price)
            affordable = [*affordable, *whole]
    affordable.sort(key=lambda found: found.order)
    usual.sort(key=lambda found: found.order)
    whole.sort(key=lambda found: found.order)
    stepwise = [*_by_step(usual, steps), *_by_step(_usual(whole, bool(wanted)), steps)[:1]]
    stepwise.sort(key=lambda row: row[0].order)
    shown = [(found, ()) for found in affordable] if everything else stepwise
    alone = () if everything else _of_other_kinds(usual, affordable)
    smallest = answer(model, steps[-1], dealt(ANY_DEVICE, asked.ranks(steps[-1])), ways[0].asked)
    return NeedsResult(
        model=model_ref(model.about),
        quants=tuple(quant.id for quant in steps),
        context=smallest.settled.work.context,
        batch=batch,
        total_bytes=smallest.placed.total,
        devices=tuple(found.line(model.about, others) for found, others in shown),
        hidden=len(affordable) - len(shown),
        published=own.id if own else "",
        notes=(
            *model.about.said(asked.predicts),
            *beyond(context, model.about),
            *taken,
            *slow,
            *_left_out(unpriced),
            *alone,
        ),
    )


def _usual(enough: list[Enough], wanted: bool) -> list[Enough]:
    """Those of the kind that is shown; all where kinds are named, or none of it is enough."""
    return [found for found in enough if wanted or (found.device.kind == USUAL and found.price)] or enough


def _whole(
    own: Quant,
    model: Model,
    asked: Question,
    devices: Sequence[Device],
    counts: Sequence[int],
    kept: int | None,
    max_price: float | None,
) -> list[Enough]:
    """What is enough for the format that the model is published in, as few together as any is; empty where nothing."""
    for most in counts:
        suffice = [
            found for device in devices for found in enough(device, model, ways_of(asked, [own], True), most, kept)
        ]
        if within := [one for one in suffice if max_price is None or (one.price and one.price <= max_price)]:
            return within
    return []


def beyond(context: int | None, about: About) -> Iterator[Note]:
    """That the model was not made for so long a context."""
    if context and about.limit and context > about.limit and not about.sequence:
        yield note("context_beyond_limit", context=context, limit=about.limit)


def _left_out(unpriced: int) -> list[Note]:
    return [note("no_price", count=unpriced)] if unpriced else []


def _of_other_kinds(usual: Sequence[Enough], enough: Sequence[Enough]) -> list[Note]:
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
    kept = quants.of(lambda quant: quant.bits >= WIDEST or quant.id in common)
    try:
        found = [quant for quant in available(model, kept, asked, served=True) if above_floor(quant, model.about.id)]
    except UnsupportedModelError:
        found = []
    return found or available(model, quants, asked)


def _by_step(enough: Sequence[Enough], steps: Sequence[Quant]) -> list[tuple[Enough, tuple[str, ...]]]:
    """Of each memory size the cheapest, with others of it; only sizes that a better quant fits than a smaller one, or
    all of the model where a smaller one leaves a part in RAM.

    What nobody knows the price of comes after what has one. Where one quant was to choose from all sizes are kept.
    """
    place = {quant.id: at for at, quant in enumerate(steps)}

    def rank(found: Enough) -> tuple[int, int]:
        return found.in_part, place[found.chosen.quant.id]

    sizes: dict[float, list[Enough]] = {}
    for found in enough:
        sizes.setdefault(found.order[0], []).append(found)
    rows: list[tuple[Enough, tuple[str, ...]]] = []
    for alike in sizes.values():
        best = min(map(rank, alike))
        if rows and (len(steps) > 1 or best[0]) and best >= rank(rows[-1][0]):
            continue
        first, *others = sorted((one for one in alike if rank(one) == best), key=_cheapest)
        rows.append((first, tuple(one.called for one in others if one.price)))
    return rows[:MOST_ROWS]


def _cheapest(found: Enough) -> tuple[float, int, str]:
    return found.price or float("inf"), found.devices.count, found.device.id
