"""The searches for what goes on devices: whatever fits, they find the most of it, and none is asked twice as often.

A model of so many layers stands in for a simulated one: what fits is said, and what may fit without compute buffers.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.runtimes.llama_cpp.fitting import dealt, dealt_experts, dealt_layers, fewest_experts, fitted, most_layers
from llmscale.runtimes.llama_cpp.load import Load
from llmscale.runtimes.llama_cpp.settings import Offload

ONE, TWO = Offload(devices=1), Offload(devices=2)


class Model:
    """`layers` and the output, of which `limit` fit and `loose` would without compute buffers."""

    def __init__(self, layers: int, limit: int, loose: int, *, experts: bool = False, all_fit: bool = False) -> None:
        self.layers, self.limit, self.loose, self.all_fit = layers, limit, loose, all_fit
        self.weights = SimpleNamespace(experts=(int(experts),) * (layers - 1))
        self.asked = 0

    def on(self, offload: Offload) -> int:
        """Layers on devices; with experts apart, layers whose experts are too."""
        if any(self.weights.experts):
            return self.layers - 1 - offload.cpu_moe
        return self.layers if offload.gpu_layers is None else offload.gpu_layers

    def fits(self, offload: Offload) -> bool:
        self.asked += 1
        return self.on(offload) <= self.limit or (self.all_fit and self.on(offload) == self.layers)

    def may_fit(self, offload: Offload) -> bool:
        return self.on(offload) <= self.loose


def load(*said: Any, **named: Any) -> tuple[Model, Load]:
    model = Model(*said, **named)
    return model, cast("Load", model)


COUNTS = st.integers(2, 130)


@given(COUNTS, st.integers(0, 140), st.integers(0, 140))
def test_as_many_layers_as_fit(layers: int, limit: int, more: int) -> None:
    model, it = load(layers, limit, limit + more)
    found = most_layers(it, ONE)
    assert found == min(limit, layers)
    # Twice the halvings of what lies between the two limits, and no more.
    assert model.asked <= 4 + 2 * min(more, layers).bit_length()


def test_all_may_fit_where_one_less_does_not() -> None:
    """Only a partial offload streams weights to a device."""
    assert most_layers(load(33, 20, 25, all_fit=True)[1], ONE) == 33
    assert most_layers(load(33, 20, 25)[1], ONE) == 20


@given(COUNTS, st.integers(0, 140), st.integers(0, 140))
def test_as_few_experts_in_ram_as_make_the_rest_fit(layers: int, limit: int, more: int) -> None:
    found = fewest_experts(load(layers, limit, limit + more, experts=True)[1], ONE)
    assert found is not None
    assert found.cpu_moe == max(0, layers - 1 - limit)


def test_without_room_for_the_rest_there_are_none() -> None:
    assert fewest_experts(load(33, -1, 5, experts=True)[1], ONE) is None
    assert fewest_experts(load(33, 0, 0, experts=True)[1], ONE) == ONE._replace(cpu_moe=32)


def test_experts_go_first_and_then_layers() -> None:
    _, it = load(33, 20, 25, experts=True)
    assert fitted(it, ONE) == ONE._replace(cpu_moe=12, gpu_layers=33)
    assert fitted(load(33, 20, 25)[1], ONE) == ONE._replace(gpu_layers=20)


class Devices:
    """Layers of the sizes that are said on devices with room for so much, to the last byte."""

    def __init__(self, layers: list[int], experts: list[int], rooms: list[int]) -> None:
        self._layers, self._experts, self._rooms = layers, experts, rooms
        self.layers = len(layers) + 1
        self.weights = SimpleNamespace(experts=tuple(experts))
        self.offload = Offload(devices=len(rooms))

    def sizes(self, offload: Offload) -> list[int]:
        kept = [0 if offload.keeps_experts(n) else size for n, size in enumerate(self._experts)]
        return [*(a + b for a, b in zip(self._layers, kept, strict=True)), 1]

    def rooms(self, offload: Offload) -> list[int]:
        return self._rooms

    def fits(self, offload: Offload) -> bool:
        sizes, at = self.sizes(offload), 0
        counts = [int(count) for count in offload.split] or [len(sizes) // 2, len(sizes) - len(sizes) // 2]
        for count, room in zip(counts, self._rooms, strict=True):
            if sum(sizes[at : at + count]) > room:
                return False
            at += count
        return True

    may_fit = fits


SIZES = st.lists(st.integers(1, 9), min_size=2, max_size=24)
ROOM = st.integers(0, 200)


@given(SIZES, st.data())
def test_layers_are_dealt_to_the_last_byte(layers: list[int], data: st.DataObject) -> None:
    rooms = data.draw(st.lists(ROOM, min_size=1, max_size=4))
    counts, fits = dealt(layers, rooms)
    assert len(counts) == len(rooms)
    assert sum(counts) == len(layers)
    at = 0
    for number, (count, room) in enumerate(zip(counts, rooms, strict=True)):
        taken, at = sum(layers[at : at + count]), at + count
        if number < len(rooms) - 1:
            assert taken <= room
            assert at == len(layers) or taken + layers[at] > room
        else:
            assert fits is (taken <= room)


@given(SIZES, ROOM, ROOM, st.integers(1, 40))
def test_devices_hold_as_many_experts_as_dealing_allows(layers: list[int], one: int, two: int, expert: int) -> None:
    it = cast("Load", Devices(layers, [expert] * len(layers), [one, two]))

    def fits(cpu_moe: int) -> bool:
        return dealt(it.sizes(TWO._replace(cpu_moe=cpu_moe)), [one, two])[1]

    best = next((cpu_moe for cpu_moe in range(len(layers) + 1) if fits(cpu_moe)), None)
    found = dealt_experts(it, TWO)
    if best is None:
        assert found is None
        return
    assert found is not None
    assert it.fits(found)
    assert found.cpu_moe == best
    assert sum(found.split) == it.layers
    whole = fitted(it, TWO)
    assert whole == found._replace(gpu_layers=it.layers)


@given(SIZES, ROOM, ROOM)
def test_whole_layers_are_dealt_where_equal_shares_do_not_fit(layers: list[int], one: int, two: int) -> None:
    it = cast("Load", Devices(layers, [0] * len(layers), [one, two]))
    found = dealt_layers(it, TWO)
    possible = dealt(it.sizes(TWO), [one, two])[1]
    if it.fits(TWO) or not possible:
        assert found == TWO
    else:
        assert it.fits(found)
        assert sum(found.split) == it.layers


def test_what_is_dealt_leaves_every_device_the_same_part_free() -> None:
    """Ten layers of one, ten of six and the output of one, on two devices of 60: 34 and 37, as even as they can be."""
    it = cast("Load", Devices([1] * 10 + [6] * 10, [0] * 20, [60, 60]))
    found = dealt_layers(it, TWO)
    first = int(found.split[0])
    sizes = it.sizes(TWO)
    assert (sum(sizes[:first]), sum(sizes[first:])) == (34, 37)


def test_one_device_is_dealt_nothing() -> None:
    it = cast("Load", Devices([9] * 4, [0] * 4, [1]))
    assert dealt_layers(it, ONE) == ONE


@pytest.mark.parametrize("deals", [True, False])
def test_who_deals_by_name_is_not_dealt_to(deals: bool) -> None:
    it = cast("Load", Devices([1] * 8, [6] * 8, [12, 40]))
    found = fitted(it, TWO, deals=deals)
    assert bool(found.split) is deals
    assert it.fits(found)
