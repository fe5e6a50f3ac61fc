"""Which devices ``needs`` looks at: the ends of what may be said, the sizes that are sold, what a reserve leaves."""

from __future__ import annotations

import pytest

from llmscale.answers.needs_devices import COUNTS, as_sold, counts_of, filtered, kinds_of, refuse_count, with_room
from llmscale.devices.device import entries, entry
from llmscale.devices.sets import MAX_COUNT
from llmscale.errors import UsageError
from llmscale.units import GIB


def test_a_price_above_nothing_and_up_to_so_many_devices_may_be_said() -> None:
    for price, count in ((None, 1), (None, MAX_COUNT), (0.01, 1), (1, 1), (1e12, 8)):
        assert filtered((), price, count) == set()
    for price, count in ((None, 0), (None, MAX_COUNT + 1), (None, -1)):
        with pytest.raises(UsageError, match=f"between 1 and {MAX_COUNT:,}"):
            filtered((), price, count)
    for price in (0, -1, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="above zero"):
            filtered((), price, 1)


def test_kinds_are_read_as_people_write_them() -> None:
    assert filtered((" Datacenter", "consumer", "datacentre"), None, 1) == {"datacentre", "consumer"}
    with pytest.raises(UsageError, match="no kind of device called 'phone'"):
        filtered(("phone",), None, 1)
    assert kinds_of(entry("m3-max")) == {"unified", "apple"}
    assert kinds_of(entry("ryzen-ai-max-395")) == {"unified"}
    assert kinds_of(entry("rtx4090")) == {"consumer"}


def test_without_a_number_a_pair_is_tried_and_then_a_server() -> None:
    assert counts_of(None) == COUNTS == (2, 8)
    assert [counts_of(number) for number in (1, 3, 64)] == [(1,), (3,), (64,)]


def test_of_a_device_that_is_sold_in_several_sizes_each_is_one_and_the_largest_has_the_price() -> None:
    for device in entries():
        sold = as_sold(device)
        assert sold[-1] == device
        sizes = [one.memory_gib for one in sold]
        assert sorted(sizes[:-1]) == sizes[:-1]
        assert set(sizes) == {device.memory_gib, *device.memory_options_gib}
        assert len(set(sizes)) == len(sizes)
        assert all(one.price_usd is None for one in sold[:-1])


def test_what_a_reserve_leaves_nothing_of_is_left_out_and_refused_where_nothing_is_left() -> None:
    small, large = entry("rtx3060-12gb"), entry("rtx4090")
    assert with_room([small, large], None) == [small, large]
    assert with_room([small, large], 16 * GIB) == [large]
    with pytest.raises(UsageError, match="leaves nothing of"):
        with_room([small, large], 100 * GIB)


def test_as_many_as_are_asked_about_may_be_dealt_to() -> None:
    refuse_count(8, 8)
    with pytest.raises(UsageError, match="ask for 9 devices together, and --max-count is 8") as refused:
        refuse_count(9, 8)
    assert refused.value.hint == "Add --max-count 9."
