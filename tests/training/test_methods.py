"""Trained parameters, held against peft's own count on the real classes; what peft refuses is refused."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest

from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.model.spec import ModelSpec
from llmscale.sources.interface import Loaded
from llmscale.sources.registry import load
from llmscale.training.methods import ALL_LINEAR, MethodChoice, trained
from tests.helpers import TRUTH

ROWS = json.loads((TRUTH / "training_peft.json").read_text())["rows"]
BY_MODEL = sorted({row[0] for row in ROWS})


@lru_cache(None)
def spec_of(model: str) -> ModelSpec:
    loaded = load(model)
    assert isinstance(loaded, Loaded)
    return loaded.spec


def counted(row: list[Any]) -> tuple[int, int] | None:
    model, method, size, targets, bias, save, projected, *_ = row
    names = () if targets == "default" else tuple(targets.split(","))
    choice = MethodChoice(method, size, names, bias, tuple(save.split(",")) if save else (), 20, projected)
    try:
        found = trained(spec_of(model), choice)
    except LlmscaleError:
        return None
    return found.trainable, found.total


@pytest.mark.parametrize("model", BY_MODEL)
def test_every_method_counts_what_peft_counts_and_refuses_what_it_refuses(model: str) -> None:
    differs = []
    for row in ROWS:
        want = None if row[-1] is None else (row[-2], row[-1])
        if row[0] == model and counted(row) != want:
            differs.append((row, counted(row)))
    assert differs == []


def test_the_record_has_methods_of_every_kind() -> None:
    assert len(ROWS) >= 800
    assert sum(row[-1] is None for row in ROWS) >= 150
    assert len({row[1] for row in ROWS}) >= 12


def test_all_linear_reaches_fused_experts_and_says_that_the_rank_doubles() -> None:
    found = trained(spec_of("mixtral-8x7b"), MethodChoice("lora", 16, (ALL_LINEAR,)))
    assert found.trainable == 359_665_664
    assert [note.code for note in found.notes] == ["experts_fused"]


def test_names_of_separate_experts_reach_nothing_in_fused_ones() -> None:
    with pytest.raises(UsageError, match="not in Mixtral"):
        trained(spec_of("mixtral-8x7b"), MethodChoice("lora", 16, ("gate_proj", "up_proj", "down_proj")))


def test_gate_without_up_is_refused_where_one_tensor_holds_both() -> None:
    with pytest.raises(UsageError, match="one tensor"):
        trained(spec_of("mixtral-8x7b"), MethodChoice("lora", 16, ("q_proj", "w1")))


def test_saved_modules_untie_and_count_twice() -> None:
    choice = MethodChoice("lora", 16, ("q_proj", "v_proj"), save=("embed_tokens", "lm_head"))
    found = trained(spec_of("llama-3.2-1b"), choice)
    assert found.trainable == 527_040_512
    assert "saved_unties" in [note.code for note in found.notes]


def test_a_name_that_matches_nothing_beside_others_is_said() -> None:
    found = trained(spec_of("llama-2-7b"), MethodChoice("lora", 8, ("q_proj", "query")))
    assert [(note.code, note.values["names"]) for note in found.notes] == [("targets_missed", ["query"])]


def test_a_rank_twice_as_large_trains_twice_as_much() -> None:
    small, large = (trained(spec_of("qwen3-0.6b"), MethodChoice("lora", rank, (ALL_LINEAR,))) for rank in (8, 16))
    assert large.trainable == 2 * small.trainable


def test_full_training_trains_all_and_bitfit_only_biases() -> None:
    spec = spec_of("gpt2")
    assert trained(spec, MethodChoice()).trainable == trained(spec, MethodChoice()).total == 124_439_808
    per_layer = 2 * 768 + 2304 + 768 + 3072 + 768  # two norms, c_attn, two c_proj, c_fc
    assert trained(spec, MethodChoice("bitfit")).trainable == 12 * per_layer + 768
    with pytest.raises(UsageError, match="no bias"):
        trained(spec_of("llama-2-7b"), MethodChoice("bitfit"))


def test_a_matrix_that_the_class_holds_as_two_is_adapted_as_two() -> None:
    names = trained(spec_of("dinov2-giant"), MethodChoice("lora", 8, ("gate_proj", "up_proj"))).names
    assert names == dict.fromkeys(("gate_proj", "up_proj"), 40 * 8 * (1536 + 4096))


def test_the_last_layers_of_two_stacks_are_the_decoder_s_and_of_one_that_sees_the_text_s() -> None:
    per_layer = 4 * (768 * 768 + 768) - 768 + 4 * (768 * 768 + 768) - 768 + 2 * 768 * 3072 + 3072 + 768 + 3 * 2 * 768
    assert trained(spec_of("whisper-small"), MethodChoice("freeze", last=1)).trainable == per_layer
    seen = trained(spec_of("qwen2.5-vl-7b"), MethodChoice("freeze", last=1)).trainable
    assert seen == trained(spec_of("qwen2.5-7b"), MethodChoice("freeze", last=1)).trainable
    with pytest.raises(UsageError, match="has 12 layers"):
        trained(spec_of("whisper-small"), MethodChoice("freeze", last=13))


def test_experts_of_a_class_that_was_not_compared_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="not known here"):
        trained(spec_of("grok-1"), MethodChoice("lora", 8, (ALL_LINEAR,)))


def test_a_class_that_was_not_compared_is_said() -> None:
    found = trained(spec_of("internlm2-7b"), MethodChoice("lora", 8, (ALL_LINEAR,)))
    assert [note.code for note in found.notes] == ["class_not_compared"]


def test_vera_leaves_the_wide_matrices_of_phi_alone() -> None:
    """VeRA trains one number a row of A and one a row of B; of Phi-2 for q_proj and v_proj of 32 layers."""
    found = trained(spec_of("phi-2"), MethodChoice("vera", 256))
    assert found.trainable == 32 * 2 * (256 + 2560)
