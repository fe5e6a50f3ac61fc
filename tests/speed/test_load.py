"""What one token makes a device do: bytes, matrices and FLOPs, against figures worked out by hand."""

from __future__ import annotations

import json
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.catalogue.entries import entry as model_entry
from llmscale.model.families import from_config
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.shape import LayerCache, Shape, shape_of
from llmscale.speed import load
from llmscale.speed.load import Load
from llmscale.speed.profile import profile_of
from tests.helpers import REPOSITORY
from tests.speed.works import LOADS, SEVEN

CONFIGS = REPOSITORY / "tests" / "oracle" / "configs"


def model(name: str) -> tuple[Inventory, Shape]:
    spec = from_config(model_entry(name).config, name)
    return inventory(spec), shape_of(spec)


@given(work=LOADS, layers=st.floats(0, 1), experts=st.floats(0, 1))
def test_what_is_offloaded_is_read_there_and_not_on_the_device(work: Load, layers: float, experts: float) -> None:
    left, moved = work.offload(layers, experts)
    for name in ("weight_bytes", "cache_bytes", "expert_bytes", "state_bytes", "flops"):
        assert getattr(left, name) + getattr(moved, name) == pytest.approx(getattr(work, name))
        assert min(getattr(left, name), getattr(moved, name)) >= -1e-3
    assert moved.expert_bytes == pytest.approx(work.expert_bytes * max(layers, experts))


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


def test_attention_outside_the_layers_counts_once() -> None:
    """SigLIP's head that pools: one attention more than the 27 layers, 1,152 wide."""
    config = json.loads((CONFIGS / "siglip2-vision.json").read_text(encoding="utf-8"))
    assert load.attention_width(inventory(from_config(config, "siglip2"))) == (27 + 1) * 1152


@pytest.mark.parametrize(
    ("name", "experts", "used"),
    [("qwen3-30b-a3b", 128, 8), ("nemotron-3-super-120b-a12b", 512, 22), ("jetmoe-8b", 8, 2), ("llama-2-7b", 0, 0)],
)
def test_experts_of_a_layer_are_the_routed_ones(name: str, experts: int, used: int) -> None:
    """Whatever all experts of a layer share: Nemotron's projections to narrower inputs, JetMoE's bias."""
    found = profile_of(model(name)[0])
    assert (found.experts, found.used) == (experts, used)
