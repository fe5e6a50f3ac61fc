"""The law of speed: its bounds, its monotony, and its sums against figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.speed import law
from llmscale.speed.law import Factors, Machine, Part
from llmscale.speed.load import PromptFlops
from tests.speed.works import LOADS, SEVEN

factors = st.builds(
    Factors,
    weights=st.floats(1, 4),
    cache=st.floats(1, 10),
    state=st.floats(1, 10),
    unpack=st.floats(0, 10),
    launch=st.floats(0, 1e-3),
    hop=st.floats(0, 1e-3),
    reduce=st.floats(0, 1e-4),
    compute=st.none() | st.floats(1, 8),
    experts=st.none() | st.floats(1, 8),
    attention=st.none() | st.floats(1, 8),
    scan=st.floats(0, 2),
    device=st.floats(0.5, 2),
)
machines = st.builds(
    Machine,
    bandwidth=st.floats(1e10, 1e13),
    flops=st.none() | st.floats(1e12, 1e15),
    factors=factors,
    devices=st.sampled_from([1, 2, 4, 8]),
    link=st.none() | st.floats(1e9, 1e12),
    shaders=st.none() | st.floats(1e12, 1e14),
)
stages_of = st.lists(st.builds(Part, load=LOADS, machine=machines), min_size=1, max_size=3)
batches = st.integers(1, 512)
SLACK = 1 + 1e-9


@given(parts=stages_of, batch=batches)
def test_no_speed_is_above_the_roofline(parts: list[Part], batch: int) -> None:
    assert law.tokens_per_second(parts, batch) <= law.roofline(parts, batch) * SLACK


@given(parts=stages_of, batch=batches, more=st.floats(1, 10))
def test_more_bandwidth_is_never_slower(parts: list[Part], batch: int, more: float) -> None:
    wide = [p._replace(machine=p.machine._replace(bandwidth=p.machine.bandwidth * more)) for p in parts]
    assert law.tokens_per_second(wide, batch) >= law.tokens_per_second(parts, batch) / SLACK


@given(parts=stages_of, batch=batches, more=st.floats(1, 10))
def test_more_bytes_are_never_faster(parts: list[Part], batch: int, more: float) -> None:
    big = [p._replace(load=p.load._replace(weight_bytes=p.load.weight_bytes * more)) for p in parts]
    long = [p._replace(load=p.load._replace(cache_bytes=p.load.cache_bytes * more)) for p in parts]
    speed = law.tokens_per_second(parts, batch) * SLACK
    assert law.tokens_per_second(big, batch) <= speed
    assert law.tokens_per_second(long, batch) <= speed


@given(parts=stages_of, batch=batches, more=batches)
def test_more_sequences_make_more_tokens_together_and_fewer_each(parts: list[Part], batch: int, more: int) -> None:
    few, many = law.tokens_per_second(parts, batch), law.tokens_per_second(parts, batch + more)
    assert many >= few / SLACK
    assert many / (batch + more) <= few / batch * SLACK


@given(part=st.builds(Part, load=LOADS, machine=machines), tokens=st.floats(1, 1e6), more=st.floats(1, 4))
def test_a_longer_prompt_never_starts_sooner(part: Part, tokens: float, more: float) -> None:
    short = law.prefill_seconds([part], PromptFlops(1e9 * tokens, tokens**2), tokens, 512)
    long = law.prefill_seconds([part], PromptFlops(1e9 * tokens * more, (tokens * more) ** 2), tokens * more, 512)
    assert (short is None) == (part.machine.flops is None or part.machine.factors.compute is None)
    assert short is None or long is None or long >= short / SLACK


def test_an_ideal_machine_reads_every_byte_once() -> None:
    ideal = Machine(1e12, None, Factors())
    assert law.tokens_per_second([Part(SEVEN, ideal)]) == pytest.approx(1e12 / 4.1e9)
    assert law.tokens_per_second([Part(SEVEN, ideal)], batch=10) == pytest.approx(10 * 1e12 / 5e9)


def test_a_batch_grows_until_the_flops_are_used_up() -> None:
    machine = Machine(1e12, 1e14, Factors(compute=2.0))
    most = 1e14 / 2.0 / SEVEN.flops
    assert law.tokens_per_second([Part(SEVEN._replace(cache_bytes=0.0), machine)], batch=4096) == pytest.approx(most)


def test_shaders_multiply_a_few_tokens_and_matrix_cores_many() -> None:
    machine = Machine(1e12, 1e14, Factors(unpack=3.0, compute=2.0), shaders=1e13)
    work = SEVEN._replace(cache_bytes=0.0)
    read, once, each = 4e9 / 1e12, 3.0 * 14e9 / 1e13, 2.0 * 14e9 / 1e14
    assert law.decode_seconds([Part(work, machine)]) == pytest.approx(read + once)
    assert law.decode_seconds([Part(work, machine)], batch=64) == pytest.approx(read + once + 64 * each)
    assert law.decode_seconds([Part(work, machine._replace(flops=None))], batch=64) == pytest.approx(read + 64 * once)
    assert law.decode_seconds([Part(work, machine._replace(shaders=None))]) == pytest.approx(read)


def test_layers_on_two_sides_take_the_time_of_both() -> None:
    card, host = Machine(1e12, None, Factors(hop=1e-3)), Machine(5e10, None, Factors(hop=2e-3))
    parts = [Part(SEVEN.share(0.75), card), Part(SEVEN.share(0.25), host)]
    assert law.decode_seconds(parts) == pytest.approx(0.75 * 4.1e9 / 1e12 + 0.25 * 4.1e9 / 5e10 + 2e-3)


def test_tensor_parallel_halves_the_reading_and_adds_two_exchanges_a_layer() -> None:
    one = Machine(1e12, None, Factors(reduce=1e-5))
    two = one._replace(devices=2, link=1e10)
    exchanged = 2 * 32 * (1e-5 + 4096 * 2 / 1e10)
    expected = law.decode_seconds([Part(SEVEN, one)]) / 2 + exchanged
    assert law.decode_seconds([Part(SEVEN, two)]) == pytest.approx(expected)


def test_a_prompt_passes_the_weights_once_a_chunk() -> None:
    machine = Machine(1e12, 1e14, Factors(compute=2.0, attention=5.0, scan=1.0))
    work = SEVEN._replace(state_bytes=1e6)
    prompt = PromptFlops(weights=14e12, attention=1e12)
    read, computed, scanned = 2 * 4e9 / 1e12, (2.0 * 14e12 + 5.0 * 1e12) / 1e14, 1000 * 1e6 / 1e12
    assert law.prefill_seconds([Part(work, machine)], prompt, 1000, 512) == pytest.approx(read + computed + scanned)
