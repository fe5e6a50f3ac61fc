"""Where a subject lies: parts with their ranges, what is free, what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale import load
from llmscale.devices.sets import ANY_DEVICE, device_set
from llmscale.errors import UsageError
from llmscale.fit.bare import Bare
from llmscale.fit.place import place, refuse_too_few
from llmscale.fit.subject import Subject, model_of
from llmscale.formats.catalogue import number_format, quant, quants
from llmscale.model.shape import LayerCache, LayerState, Shape
from llmscale.quantity import Basis
from llmscale.runtimes.general import cache_bytes, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, STATE, WEIGHTS, Placement, Usage, Verdict
from llmscale.runtimes.registry import infos, runtime
from llmscale.units import GIB
from tests.fit.synthetic import RULE, SHAPE, SUBJECTS, bare, cards, known, work


def laid(reference: str, form: str, devices: str = "", context: int = 4096) -> Placement:
    """A model in a format under the format's own runtime."""
    chosen = quant(form)
    found = runtime(chosen.runtime)
    subject = model_of(load(reference).known()).subject(chosen, found.info.engine or found.info.name)
    asked = Workload(context, 1, number_format("fp16"), chosen.activation_bytes)
    return place(found, subject, asked, device_set(devices) if devices else ANY_DEVICE).placed


def test_a_known_model_is_one_point_and_its_parts_add_up() -> None:
    placed = laid("llama-2-7b", "fp16")
    (device,) = placed.devices
    assert placed.ends == (placed.total, placed.total)
    assert {part.kind: part.size.basis for part in device.parts} == {
        WEIGHTS: Basis.EXACT,
        CACHE: Basis.EXACT,
        COMPUTE: Basis.MODELLED,
        OVERHEAD: Basis.MODELLED,
    }
    assert placed.of(WEIGHTS).value == 2 * 6_738_415_616
    assert placed.of(CACHE).value == 2_147_483_648
    assert placed.of(STATE).value == 0


def test_a_bare_size_has_exact_weights_and_assumed_buffers_in_a_range() -> None:
    placed = laid("7B", "int4")
    cache, compute = placed.of(CACHE), placed.of(COMPUTE)
    assert placed.of(WEIGHTS)[:3] == (3_500_000_000,) * 3
    assert cache.basis is compute.basis is Basis.ASSUMED
    assert cache.low < cache.value < cache.high
    assert cache.high >= 2_147_483_648, "LLaMA 2 7B is among its neighbours"
    low, high = placed.ends
    assert low < placed.total < high


def test_a_bare_size_may_fit_where_some_of_its_neighbours_do() -> None:
    placed = laid("7B", "int4")
    low, high = placed.ends
    (device,) = placed.devices
    verdicts = [device._replace(budget=budget).verdict for budget in (low - 1, low, high - 1, high)]
    assert verdicts == [Verdict.NO, Verdict.MAYBE, Verdict.MAYBE, Verdict.YES]


@given(SUBJECTS, st.integers(1, 100_000), st.integers(1, 16), st.integers(1, 10**12), st.integers(1, 4))
def test_a_placement_adds_up_and_its_ranges_hold_their_middle(
    subject: Subject, context: int, batch: int, each: int, count: int
) -> None:
    placed = place(RULE, subject, work(context, batch), cards(each, count)).placed
    assert placed.usable == each * count == placed.used + placed.free
    assert placed.missing == sum(max(0, -usage.spare) for usage in placed.devices)
    assert (placed.fits is Verdict.YES) == (placed.missing == 0)
    assert placed.headroom == min(usage.free for usage in placed.devices)
    for usage in placed.devices:
        assert usage.budget == usage.used + usage.free
        assert usage.least <= usage.used <= usage.most
        assert all(part.size.low <= part.size.value <= part.size.high for part in usage.parts)


@given(SUBJECTS, st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 16), st.integers(1, 4))
def test_a_longer_context_or_more_sequences_never_take_less(
    subject: Subject, one: int, other: int, batch: int, count: int
) -> None:
    short, long = sorted((one, other))
    devices = cards(80 * GIB, count)
    for less, more in [(work(short, batch), work(long, batch)), (work(one, batch), work(one, batch + 1))]:
        a, b = (place(RULE, subject, asked, devices).placed for asked in (less, more))
        assert a.total <= b.total
        assert a.ends[0] <= b.ends[0]
        assert a.ends[1] <= b.ends[1]


@pytest.mark.parametrize("reference", ["llama-2-7b", "gpt2", "mixtral-8x7b", "bert-base", "vit-base", "7B", "8x7B"])
def test_more_bits_never_take_less_memory(reference: str) -> None:
    forms = sorted((q for q in quants() if q.plain), key=lambda form: (form.bits, form.activation_bytes))
    sizes = []
    for form in forms:
        placed = laid(reference, form.id, context=512)
        sizes.append((placed.of(WEIGHTS).value, placed.total))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_unlike_cards_are_full_alike() -> None:
    placed = laid("llama-2-7b", "exl3-6bpw", "rtx4090 + rtx3060-12gb")
    large, small = placed.devices
    assert large.budget > small.budget
    used = [sum(part.size.value for part in usage.parts if part.kind in (WEIGHTS, CACHE)) for usage in placed.devices]
    own = [usage.used - taken for usage, taken in zip(placed.devices, used, strict=True)]
    shares = [taken / (usage.budget - kept) for taken, usage, kept in zip(used, placed.devices, own, strict=True)]
    assert shares[0] == pytest.approx(shares[1])


def test_a_card_without_room_for_anything_is_left_out() -> None:
    placed = laid("llama-2-7b", "fp16", "rtx4090 + 600MiB")
    large, small = placed.devices
    assert (small.used, small.parts) == (0, ())
    assert large.used == laid("llama-2-7b", "fp16", "rtx4090").used


ROOMS = (
    "24GiB",
    "8GiB",
    "80GiB",
    "rtx4090",
    "rtx3060-12gb",
    "h100",
    "2x rtx3090",
    "2x 24GiB",
    "2x h100",
    "4x l40s",
    "1GiB",
)


@pytest.mark.parametrize("name", [info.name for info in infos() if not info.offloads])
def test_a_size_that_was_asked_about_before_lies_as_one_that_was_not(name: str) -> None:
    """Models of about a size are asked once for devices that a runtime fills alike."""
    found, form = runtime(name), quant("int4")
    before = model_of(load("7B").known())
    assert isinstance(before, Bare)
    for context in (4096, 30_000):
        for devices in map(device_set, ROOMS):
            asked = Workload(context, 1, number_format("fp16"), form.activation_bytes)
            now, then = (
                place(found, model.subject(form, found.info.engine or name), asked, devices)
                for model in (model_of(load("7B").known()), before)
            )
            assert now == then, (context, devices.name)


@given(st.lists(SHAPE, min_size=1, max_size=5), st.integers(10**6, 10**10), st.integers(1, 4))
def test_a_size_takes_besides_its_weights_what_the_models_around_it_take(
    shapes: list[Shape], size: int, count: int
) -> None:
    """Each by itself, with the weights of the size: what is shown is the one in the middle between their ends."""
    subject, asked, devices = bare(shapes, size), work(2048), cards(80 * GIB, count)
    placed = place(RULE, subject, asked, devices).placed
    alone = [place(RULE, known(shape, size), asked, devices).placed for shape in shapes]
    plain = [cache_bytes(shape, asked) + state_bytes(shape, asked) for shape in shapes]
    ranked = sorted(range(len(plain)), key=plain.__getitem__)
    middle = alone[ranked[(len(plain) - 1) // 2]]
    for number, usage in enumerate(placed.devices):
        parts = {part.kind: part.size for part in usage.parts}
        assert parts[WEIGHTS].basis is Basis.ASSUMED
        for kind in (CACHE, STATE, COMPUTE, OVERHEAD):
            each = [size_of(one.devices[number], kind) for one in alone]
            if not any(each):
                assert kind not in parts
                continue
            assert (parts[kind].value, parts[kind].low, parts[kind].high) == (
                size_of(middle.devices[number], kind),
                min(each),
                max(each),
            )
            assert parts[kind].basis is (Basis.MODELLED if min(each) == max(each) else Basis.ASSUMED)
        least, most = (choose(alone, key=lambda one: one.used).devices[number] for choose in (min, max))
        low = parts[WEIGHTS].low + least.used - size_of(least, WEIGHTS)
        high = parts[WEIGHTS].high + most.used - size_of(most, WEIGHTS)
        assert usage.ends == (min(low, usage.used), max(high, usage.used))
    assert placed.layers is None
    assert sum(size_of(usage, WEIGHTS) for usage in placed.devices) == size


def size_of(usage: Usage, kind: str) -> int:
    return sum(part.size.value for part in usage.parts if part.kind == kind)


def test_of_options_that_ask_for_more_devices_than_there_are_the_number_is_said() -> None:
    refuse_too_few(2, cards(GIB, 2))
    refuse_too_few(1, cards(GIB, 2))
    with pytest.raises(UsageError, match="ask for 3 devices together, and 2 are named") as refused:
        refuse_too_few(3, cards(GIB, 2))
    assert "3x" in refused.value.hint


def test_of_what_the_model_in_the_middle_has_none_the_others_are_the_range() -> None:
    """A state that one of three has; and models of which one alone answers."""
    plain = Shape(8, 1024, 4096, 32_000, None, None, (LayerCache(8, 1024, 1024),))
    stateful = plain._replace(states=(LayerState(8, 10**6, 2),))
    wide = plain._replace(caches=(LayerCache(8, 4096, 4096),))
    placed = place(RULE, bare([plain, stateful, wide], GIB), work(), cards(8 * GIB)).placed
    state = placed.of(STATE)
    assert state[:3] in ((0, 0, 16 * 10**6), (16 * 10**6, 0, 16 * 10**6))
    small = place(RULE, bare([plain, plain, stateful], GIB), work(), cards(8 * GIB)).placed
    assert small.of(STATE)[:3] == (0, 0, 16 * 10**6)
    assert small.of(CACHE)[:3] == (2 * 8 * 1024 * 4096 * 2,) * 3
    size, model = (place(RULE, one, work(), cards(8 * GIB)).placed for one in (bare([plain], GIB), known(plain, GIB)))
    assert {part.kind: part.size.value for part in size.devices[0].parts} == {
        part.kind: part.size.value for part in model.devices[0].parts
    }
