"""``needs --users``: each row by its own arithmetic, and the rows that are shown by those that there are."""

from __future__ import annotations

import pytest

from llmscale.answers.load import load_of
from llmscale.answers.needs_load import needs_load
from llmscale.answers.results.needs_load import NeedsLoadResult, ServingDevices
from llmscale.answers.train_compute import newest_prices
from llmscale.devices.device import entry
from llmscale.units import GIB

FORMATS = ["bf16", "fp8"]


@pytest.fixture(scope="module")
def every() -> NeedsLoadResult:
    return asked(everything=True)


def asked(**more: object) -> NeedsLoadResult:
    load = load_of(40, 2000, 300, "2s", "25ms")
    assert load is not None
    kinds = {"kinds": ("datacentre",), "max_count": 4} | more
    return needs_load("llama-3.1-8b", load, FORMATS, **kinds)  # type: ignore[arg-type]


def order(row: ServingDevices) -> tuple[float, float, float, int, str, int]:
    """Rent, price, memory; then the better format."""
    rent = sum(row.usd_per_hour) / 2 if row.usd_per_hour else float("inf")
    return (
        rent,
        row.price_usd or float("inf"),
        row.memory_bytes / GIB,
        row.count,
        row.id,
        FORMATS.index(row.quant),
    )


def test_a_row_is_so_many_of_its_device(every: NeedsLoadResult) -> None:
    assert {row.count for row in every.devices} == {1, 2, 4}
    assert {row.replicas for row in every.devices} == {1, 2, 4}
    for row in every.devices:
        device, listed = entry(row.id), newest_prices(row.id)
        assert row.count == row.tensor_parallel * row.replicas
        assert row.memory_bytes == row.count * device.memory
        assert row.price_usd == (device.price_usd * row.count if device.price_usd else None)
        rent = (min(one.low for one in listed), max(one.high for one in listed)) if listed else None
        assert row.usd_per_hour == (rent and (rent[0] * row.count, rent[1] * row.count))
        assert (row.name, row.kind, row.under_load.replicas) == (device.name, "datacentre", row.replicas)
        assert row.under_load.first_token_seconds <= 2
        assert row.under_load.token_seconds <= 0.025


def test_rows_come_by_rent_price_and_memory(every: NeedsLoadResult) -> None:
    rows = list(every.devices)
    assert rows == sorted(rows, key=order)
    assert not every.more


def test_of_each_device_the_fewest_in_the_best_format_with_the_most_tokens_are_shown(every: NeedsLoadResult) -> None:
    shown = asked()
    for row in shown.devices:
        alike = [one for one in every.devices if one.id == row.id]
        best = min(alike, key=lambda one: (one.count, FORMATS.index(one.quant), -one.under_load.tokens_per_second))
        assert (row.count, row.quant, row.tensor_parallel) == (best.count, best.quant, best.tensor_parallel), row.id
    ids = [row.id for row in shown.devices]
    assert len(ids) == len(set(ids)) <= 12
    assert [order(row) for row in shown.devices] == sorted(order(row) for row in shown.devices)


def test_a_price_is_that_of_all_of_them_together() -> None:
    load = load_of(4, 500, 100)
    assert load is not None
    kinds = {"kinds": ("consumer",), "max_count": 2, "everything": True}
    every = needs_load("llama-3.1-8b", load, ["awq"], **kinds)  # type: ignore[arg-type]
    prices = sorted({row.price_usd for row in every.devices if row.price_usd})
    assert len(prices) > 4
    for most in (prices[0], prices[len(prices) // 2]):
        found = needs_load("llama-3.1-8b", load, ["awq"], max_price=most, **kinds)  # type: ignore[arg-type]
        cheap = [row for row in every.devices if row.price_usd and row.price_usd <= most]
        assert [(row.id, row.count, row.tensor_parallel) for row in found.devices] == [
            (row.id, row.count, row.tensor_parallel) for row in cheap
        ]
    for row in every.devices:
        device = entry(row.id)
        assert row.price_usd == (device.price_usd * row.count if device.price_usd else None)


def test_what_comes_nearest_is_the_first_to_meet_a_target_that_is_less() -> None:
    """No first token comes in a millisecond; with as long as the nearest takes it alone is enough."""
    hasty = load_of(2, 2000, 100, "1ms")
    assert hasty is not None
    none = needs_load("llama-3.1-8b", hasty, ["fp8"], kinds=("datacentre",), max_count=1)
    assert none.devices == ()
    assert none.nearest is not None
    patient = load_of(2, 2000, 100, f"{none.nearest.under_load.first_token_seconds * 1.0001:.7f}s")
    assert patient is not None
    found = needs_load("llama-3.1-8b", patient, ["fp8"], kinds=("datacentre",), max_count=1)
    assert none.nearest.id in {row.id for row in found.devices}
    assert all(
        row.under_load.first_token_seconds == pytest.approx(none.nearest.under_load.first_token_seconds, rel=2e-4)
        for row in found.devices
    )
    assert found.nearest is None
