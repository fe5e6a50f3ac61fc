"""Numbers that may be said: the last one is taken, the next one is refused, and both by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmscale.answers.given import MAX_CONTEXT, read_options
from llmscale.answers.question import MAX_BATCH, question
from llmscale.answers.scaling import compute as flops
from llmscale.answers.scaling import scaling
from llmscale.answers.scaling_budget import money
from llmscale.answers.serve_cost import Money, serve_cost
from llmscale.answers.train_compute import ComputeAsked, compute
from llmscale.answers.train_layouts import LayoutAsked, check_layout
from llmscale.answers.train_memory import LARGEST_BATCH, LARGEST_SEQUENCE, MemoryAsked, check_memory
from llmscale.devices.sets import MAX_COUNT, device_set
from llmscale.errors import UsageError
from llmscale.training.parallel.search import Given
from tests.helpers import tiny_spec


def trained(**said: float) -> object:
    return compute(
        tiny_spec(), ComputeAsked(**{"tokens": 10**9, "devices": "8x h100", "mfu": 0.4, **said}), lambda: 1.0
    )  # type: ignore[arg-type]


def divided(devices: str | None = "64x h100", **said: float) -> object:
    given = {name: value for name, value in said.items() if name in Given._fields}
    rest = {name: value for name, value in said.items() if name not in given}
    asked = LayoutAsked(given=Given(**given), **rest)  # type: ignore[arg-type]
    return check_layout(asked, device_set(devices) if devices else None)


def served(**said: float) -> object:
    return serve_cost("llama-3-8b", "rtx4090", "q4_k_m", money=Money(**{"price": 1.0, **said}))


Ask = Callable[[], object]
ENDS: dict[str, tuple[list[Ask], list[Ask]]] = {
    "--tokens": ([lambda: trained(tokens=1), lambda: trained(tokens=10**16)], [lambda: trained(tokens=10**16 + 1)]),
    "--mfu": (
        [lambda: trained(mfu=1), lambda: trained(mfu=1e-9)],
        [lambda: trained(mfu=1.001), lambda: trained(mfu=0)],
    ),
    "--price": (
        [lambda: trained(price=1e4), lambda: scaling(budget=1e6, device="h100", price=1e4)],
        [lambda: trained(price=10_001), lambda: scaling(budget=1e6, device="h100", price=10_001)],
    ),
    "--grid": ([lambda: trained(grid=1e4)], [lambda: trained(grid=10_001)]),
    "--pue": (
        [lambda: trained(pue=1), lambda: trained(pue=10)],
        [lambda: trained(pue=0.99), lambda: trained(pue=10.01)],
    ),
    "--flops": ([lambda: flops("1e12"), lambda: flops("1e32")], [lambda: flops("9.9e11"), lambda: flops("1.01e32")]),
    "--granularity": (
        [lambda: scaling(params=10**9, granularity=1), lambda: scaling(params=10**9, granularity=64)],
        [lambda: scaling(params=10**9, granularity=0.99), lambda: scaling(params=10**9, granularity=64.5)],
    ),
    "--budget": ([lambda: money("10000B"), lambda: money("0.01")], [lambda: money("10001B"), lambda: money("0")]),
    "Parameters and tokens": (
        [lambda: scaling(params=1, tokens=1)],
        [lambda: scaling(params=0, tokens=1), lambda: scaling(params=1, tokens=0)],
    ),
    "--tp": (
        [lambda: divided(tp=1), lambda: divided(tp=MAX_COUNT), lambda: divided("h100", tp=1)],
        [lambda: divided(tp=0), lambda: divided(tp=MAX_COUNT + 1), lambda: divided("h100", tp=2)],
    ),
    "--ep": ([lambda: divided(ep=MAX_COUNT)], [lambda: divided(ep=0), lambda: divided("h100", ep=2)]),
    "--zero": ([lambda: divided(zero=0), lambda: divided(zero=3)], [lambda: divided(zero=-1), lambda: divided(zero=4)]),
    "--count": (
        [lambda: divided("h100", number=1), lambda: divided("h100", number=MAX_COUNT), lambda: divided(number=64)],
        [lambda: divided("h100", number=0), lambda: divided("h100", number=MAX_COUNT + 1), lambda: divided(number=32)],
    ),
    "--network": (
        [lambda: divided(network=1e4), lambda: divided(network=0.001)],
        [lambda: divided(network=10_001), lambda: divided(network=0)],
    ),
    "needs devices": (
        [lambda: divided(None), lambda: divided(None, micro=2)],
        [
            *(lambda: divided(None, tp=1), lambda: divided(None, zero=0), lambda: divided(None, batch=1)),
            *(lambda: divided(None, number=2), lambda: divided(None, network=50)),
        ],
    ),
    "--global-batch": ([lambda: divided("h100", batch=1)], [lambda: divided("h100", batch=0)]),
    "--micro-batch": (
        [
            lambda: check_memory(MemoryAsked(micro_batch=1)),
            lambda: check_memory(MemoryAsked(micro_batch=LARGEST_BATCH)),
        ],
        [
            lambda: check_memory(MemoryAsked(micro_batch=0)),
            lambda: check_memory(MemoryAsked(micro_batch=LARGEST_BATCH + 1)),
        ],
    ),
    "--seq": (
        [lambda: check_memory(MemoryAsked(1)), lambda: check_memory(MemoryAsked(LARGEST_SEQUENCE))],
        [lambda: check_memory(MemoryAsked(0)), lambda: check_memory(MemoryAsked(LARGEST_SEQUENCE + 1))],
    ),
    "--kwh": ([lambda: served(kwh=1e9)], [lambda: served(kwh=0), lambda: served(kwh=1e9 + 1)]),
    "--years": ([lambda: served(years=1e9)], [lambda: served(years=-1), lambda: served(years=1e9 + 1)]),
    "--utilisation": (
        [lambda: served(busy=1), lambda: served(busy=1 / 8766)],
        [lambda: served(busy=1.01), lambda: served(busy=1 / 8767)],
    ),
    "--context": (
        [lambda: question(1), lambda: question(MAX_CONTEXT)],
        [lambda: question(0), lambda: question(MAX_CONTEXT + 1)],
    ),
    "--batch": (
        [lambda: question(batch=1), lambda: question(batch=MAX_BATCH)],
        [lambda: question(batch=0), lambda: question(batch=MAX_BATCH + 1)],
    ),
    "--ram-bandwidth": (
        [lambda: read_options({"ram_bandwidth": "1GB/s"}), lambda: read_options({"ram_bandwidth": "10TB/s"})],
        [lambda: read_options({"ram_bandwidth": "0.99GB/s"}), lambda: read_options({"ram_bandwidth": "10.1TB/s"})],
    ),
}


def cases(refused: bool) -> list[object]:
    return [
        pytest.param(option, ask, id=f"{option} {number}")
        for option, ends in ENDS.items()
        for number, ask in enumerate(ends[refused])
    ]


@pytest.mark.parametrize(("option", "ask"), cases(refused=False))
def test_the_last_number_is_taken(option: str, ask: Ask) -> None:
    ask()
    assert option


@pytest.mark.parametrize(("option", "ask"), cases(refused=True))
def test_the_next_number_is_refused(option: str, ask: Ask) -> None:
    with pytest.raises(UsageError) as refused:
        ask()
    assert option in str(refused.value)


def test_how_many_devices_there_are() -> None:
    assert divided() == 64
    assert divided("h100", number=16) == 16
    assert divided("h100") == divided(None) == 1


def test_a_share_in_per_cent_is_told_as_a_share() -> None:
    hints = []
    for share in (1.0001, 40, 100, 101):
        with pytest.raises(UsageError) as refused:
            trained(mfu=share)
        hints.append(refused.value.hint)
    assert hints == ["1.0001 % is 0.010001.", "40 % is 0.4.", "100 % is 1.", "Usual are 0.2 to 0.5."]
