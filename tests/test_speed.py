"""The law of speed: its bounds, its monotony, and the sums that it takes, against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llmscale.catalogue.entries import entry as model_entry
from llmscale.devices.device import Device
from llmscale.devices.device import entry as device_entry
from llmscale.model.families import from_config
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.shape import LayerCache, Shape, shape_of
from llmscale.speed import law, load, predict
from llmscale.speed.classes import compute_class, device_class, format_class, matrix_tflops
from llmscale.speed.law import Factors, Machine, Part
from llmscale.speed.load import Load
from llmscale.speed.predict import Stage
from llmscale.speed.table import Setup, host_setup, setup
from tests.helpers import TRUTH

TABLE = yaml.safe_load((TRUTH.parent.parent / "data" / "speed.yaml").read_text())

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
loads = st.builds(
    Load,
    weight_bytes=st.floats(1e7, 1e12),
    cache_bytes=st.floats(0, 1e11),
    matrices=st.integers(0, 2000),
    flops=st.floats(1e8, 1e12),
    expert_bytes=st.floats(0, 1e12),
    experts=st.sampled_from([0, 8, 128]),
    experts_used=st.integers(1, 8),
    layers=st.integers(0, 100),
    hidden=st.integers(0, 16384),
    state_bytes=st.floats(0, 1e9),
)
stages_of = st.lists(st.builds(Part, load=loads, machine=machines), min_size=1, max_size=3)
batches = st.integers(1, 512)
SLACK = 1 + 1e-9


def model(name: str) -> tuple[Inventory, Shape]:
    spec = from_config(model_entry(name).config, name)
    return inventory(spec), shape_of(spec)


def device(name: str, **changes: object) -> Device:
    return replace(device_entry(name), **changes)  # type: ignore[arg-type]


def found(name: str, runtime: str = "llama.cpp", format_id: str = "q4_k_m", **changes: object) -> Setup:
    result = setup(TABLE, runtime, device(name, **changes), format_id)
    assert result is not None
    return result


SEVEN = Load(weight_bytes=4e9, cache_bytes=1e8, matrices=225, flops=14e9, layers=32, hidden=4096)


# ---- the law ----


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


@given(part=st.builds(Part, load=loads, machine=machines), tokens=st.floats(1, 1e6), more=st.floats(1, 4))
def test_a_longer_prompt_never_starts_sooner(part: Part, tokens: float, more: float) -> None:
    short = law.prefill_seconds([part], load.PromptFlops(1e9 * tokens, tokens**2), tokens, 512)
    long = law.prefill_seconds([part], load.PromptFlops(1e9 * tokens * more, (tokens * more) ** 2), tokens * more, 512)
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


@given(work=loads, layers=st.floats(0, 1), experts=st.floats(0, 1))
def test_what_lies_aside_is_read_there_and_not_on_the_device(work: Load, layers: float, experts: float) -> None:
    left, moved = work.aside(layers, experts)
    for name in ("weight_bytes", "cache_bytes", "expert_bytes", "state_bytes", "flops"):
        assert getattr(left, name) + getattr(moved, name) == pytest.approx(getattr(work, name))
        assert min(getattr(left, name), getattr(moved, name)) >= -1e-3
    assert moved.expert_bytes == pytest.approx(work.expert_bytes * max(layers, experts))


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
    prompt = load.PromptFlops(weights=14e12, attention=1e12)
    read, computed, scanned = 2 * 4e9 / 1e12, (2.0 * 14e12 + 5.0 * 1e12) / 1e14, 1000 * 1e6 / 1e12
    assert law.prefill_seconds([Part(work, machine)], prompt, 1000, 512) == pytest.approx(read + computed + scanned)


# ---- what a token takes ----


@pytest.mark.parametrize(("experts", "used", "batch"), [(4, 1, 1), (4, 1, 2), (4, 2, 3), (8, 2, 2)])
def test_experts_touched_is_the_mean_over_all_choices(experts: int, used: int, batch: int) -> None:
    choices = list(product(list(combinations(range(experts), used)), repeat=batch))
    mean = sum(len(set().union(*choice)) for choice in choices) / len(choices) / experts
    assert load.experts_touched(experts, used, batch) == pytest.approx(mean)


def test_a_dense_model_has_no_experts_to_touch() -> None:
    assert SEVEN.step_bytes(64) == SEVEN.weight_bytes


def test_llama_2_7b() -> None:
    bill, shape = model("llama-2-7b")
    assert load.matrices(bill) == 7 * 32 + 1  # q, k, v, o, gate, up, down of each layer, and the head
    assert load.multiplied(bill) == (6738415616 - 32000 * 4096, 0)
    assert load.attention_width(bill) == 32 * 4096
    assert load.cache_bytes(shape, 1000) == 2 * 32 * 4096 * 2 * 1000
    assert load.cache_bytes(shape, 1000, 1.0625) == 2 * 32 * 4096 * 1.0625 * 1000
    assert load.state_bytes(shape) == 0


def test_a_tied_head_is_multiplied_with_and_a_lookup_table_is_not() -> None:
    bill, _ = model("qwen2.5-0.5b")
    assert load.multiplied(bill) == (bill.total(), 0)


def test_experts_count_apart_and_as_one_matrix_a_layer() -> None:
    bill, _ = model("qwen3-30b-a3b")
    dense, experts = load.multiplied(bill)
    assert dense + experts == bill.active() - bill.input_embedding()
    assert experts == 48 * 8 * 3 * 2048 * 768
    assert load.matrices(bill) == 48 * (4 + 1 + 3) + 1


def test_the_towers_of_a_vision_model_are_not_on_the_way_of_a_text_token() -> None:
    text, _ = model("qwen2.5-7b")
    seeing, _ = model("qwen2.5-vl-7b")
    assert load.matrices(seeing) == load.matrices(text)
    assert load.multiplied(seeing) == load.multiplied(text)


@pytest.mark.parametrize("prompt", [100, 1000, 5000])
def test_a_window_bounds_what_a_prompt_attends_to(prompt: int) -> None:
    shape = model("gemma-3-12b")[1]._replace(caches=(LayerCache(5, 1, 1, 1024), LayerCache(1, 1, 1)))
    counted = sum((5 * min(i, 1024) + i) / 6 for i in range(prompt))
    assert load.attended_by_prompt(shape, prompt) == pytest.approx(counted, rel=0.011)
    assert load.attended_tokens(shape, prompt) == (5 * min(prompt, 1024) + prompt) / 6


def test_states_are_read_and_written_whatever_the_context() -> None:
    _, shape = model("mamba2-2.7b")
    state = shape.states[0]
    assert load.state_bytes(shape) == 2 * state.layers * state.elements * 4
    assert load.cache_bytes(shape, 10**6) == 0


def test_flops() -> None:
    assert load.decode_flops(10, 4, 3) == 2 * 10 + 4 * 4 * 3
    assert load.prompt_flops(10, 5, 4, 6.0, 3) == load.PromptFlops(60, 96, 30)


# ---- classes and the table ----


def test_classes_of_devices() -> None:
    names = ("rtx4090", "rtx-a6000", "a100-80gb", "h200", "l40s", "gtx1080", "dgx-spark", "m4-max", "rx7900xtx", "t4")
    assert [device_class(device(name)) for name in names] == [
        "nvidia-gddr",
        "nvidia-gddr",
        "nvidia-hbm",
        "nvidia-hbm",
        "nvidia-gddr",
        "nvidia-gddr",
        "nvidia-unified",
        "apple",
        "amd",
        "nvidia-gddr",
    ]
    assert [compute_class(device(name)) for name in names[:6]] == [
        "nvidia-gddr",
        "nvidia-pro",
        "nvidia-hbm",
        "nvidia-hbm",
        "nvidia-pro",
        "nvidia-pascal",
    ]


def test_a_card_without_fast_fp16_multiplies_in_fp32() -> None:
    assert matrix_tflops(device("gtx1080")) == device("gtx1080").fp32_tflops
    assert matrix_tflops(device("rtx4090")) == device("rtx4090").fp16_tflops


@pytest.mark.parametrize(
    ("format_id", "expected"),
    [
        ("fp16", "float"),
        ("bf16", "float"),
        ("q4_k_m", "k"),
        ("q5_0", "k"),
        ("q8_0", "q8"),
        ("iq3_xxs", "iq"),
        ("mxfp4_moe", "mxfp4"),
        ("gptq-int8", "int8"),
        ("gptq-int4", "gptq"),
        ("awq", "awq"),
        ("fp8", "fp8"),
        ("nvfp4", "nvfp4"),
        ("exl2-4.0bpw", "exl"),
        ("4bit", "mlx"),
    ],
)
def test_classes_of_formats(format_id: str, expected: str) -> None:
    assert format_class(format_id) == expected


def test_every_factor_of_the_table_keeps_to_its_bound() -> None:
    for classes in TABLE["runtimes"].values():
        for each in classes.values():
            assert min(each["weights"].values()) >= 1
            assert min(each["cache"], each["cache_no_flash"], each["state"]) >= 1
            assert min(each["launch_us"], each["hop_us"], each["reduce_us"]) >= 0
            for low, high in each["range"].values():
                assert 0 < low < 1
                assert high is None or high > 1


def test_a_device_with_rows_has_a_correction_and_the_narrower_range() -> None:
    known, unknown = found("rtx3090"), found("rtx3090", id="a new card")
    assert known.rows > 20
    assert unknown.rows == 0
    assert known.machine.factors.device != 1
    assert unknown.machine.factors.device == 1
    assert known.decode.low >= unknown.decode.low
    assert (known.decode.high or 0) < (unknown.decode.high or 0)


def test_flash_attention_reads_the_cache_faster() -> None:
    plain = setup(TABLE, "llama.cpp", device("m2-ultra"), "q4_k_m", flash=False)
    assert plain is not None
    assert plain.machine.factors.cache > found("m2-ultra").machine.factors.cache


def test_a_class_that_was_not_measured_has_the_roofline_for_its_upper_end() -> None:
    card = found("rx7900xtx", runtime="vllm", format_id="awq")
    speed = predict.decode([Stage(SEVEN, card)])
    assert not speed.measured
    assert speed.high == law.roofline([Part(SEVEN, card.machine)])
    assert speed.low < speed.value / 3


def test_what_no_row_tells_is_not_told() -> None:
    assert setup(TABLE, "no such runtime", device("rtx4090"), "q4_k_m") is None
    assert setup(TABLE, "mlx", device("rtx4090"), "q4_k_m") is None
    assert setup(TABLE, "vllm", device("m4-max"), "awq") is None
    assert setup(TABLE, "sglang", device("m4-max"), "awq") is None
    assert setup(TABLE, "llama.cpp", device("rtx4090", bandwidth_gb_s=None), "q4_k_m") is None
    assert setup(TABLE, "llama.cpp", device("rtx4090", fp32_tflops=None), "q4_k_m") is None
    bare = found("rtx4090", fp16_tflops=None)
    assert predict.first_token([Stage(SEVEN, bare)], load.PromptFlops(1e12, 0.0), 512, 512) is None


def test_ollama_is_llama_cpp() -> None:
    assert found("rtx4090", runtime="ollama") == found("rtx4090")


def test_vllm_stands_for_sglang_where_that_was_not_measured() -> None:
    own, other = (
        found("h20", runtime="sglang", format_id="fp16"),
        found("a100-80gb", runtime="sglang", format_id="fp16"),
    )
    assert own.measured
    assert own.rows > 5
    assert not other.measured
    assert other.machine == found("a100-80gb", runtime="vllm", format_id="fp16").machine


def test_ranges_hold_their_value_and_stay_below_the_roofline() -> None:
    for name in ("rtx4090", "a100-80gb", "m4-max", "rx7900xtx", "gtx1080"):
        stage = Stage(SEVEN, found(name))
        speed = predict.decode([stage])
        assert speed.measured
        assert speed.low < speed.value < speed.high <= law.roofline([Part(stage.load, stage.setup.machine)])


def test_the_first_token_and_the_prefill_rate_are_the_same_answer() -> None:
    stages = [Stage(SEVEN, found("rtx4090"))]
    prompt = load.PromptFlops(14e9 * 2048, 1e12)
    time, rate = (of(stages, prompt, 2048, 512) for of in (predict.first_token, predict.prefill))
    assert time is not None
    assert rate is not None
    assert time.low < time.value < time.high
    assert (rate.value, rate.low, rate.high) == (2048 / time.value, 2048 / time.high, 2048 / time.low)


def test_what_was_not_measured_says_so() -> None:
    stage = Stage(SEVEN, found("rtx4090"))
    host = host_setup(TABLE, "llama.cpp", 8e10, "q4_k_m")
    assert host is not None
    offloaded = [Stage(SEVEN.share(0.5), stage.setup), Stage(SEVEN.share(0.5), host)]
    assert predict.decode([stage]).measured
    assert not predict.decode([stage], batch=8).measured
    assert not predict.decode(offloaded).measured
    assert predict.decode(offloaded).value < predict.decode([stage]).value
    assert predict.first_token(offloaded, load.PromptFlops(1e12, 0.0), 512, 512) is None
