"""This year's models: their counts against totals that somebody else states, their caches against published shares.

Totals of safetensors files: PyPI llmfit 1.1.17's record of the hub. Each is of the published checkpoint; what that
holds besides the model that runs is worked out beside it.
"""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.catalogue import entries as catalogue
from llmscale.errors import InputFileError, UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.runtimes.general import kept

MILLION = 1_000_000
#: What one multi-token-prediction layer of Step holds: a head, attention of 96 heads, gate, MLP, norms, projection.
STEP_MTP = 128_896 * 4096 + (2 * 96 + 2 * 8) * 128 * 4096 + 96 * 4096 + 3 * 4096 * 11_264 + 256 + 5 * 4096 + 8192 * 4096
#: And of Kimi K3: decays stored for 128 heads of 96, in 69 layers.
PADDED_DECAYS = 69 * (128 - 96)

TOTALS = {
    "gemma-4-12b": 11_959_730_224,
    "internlm3-8b": 8_804_241_408,
    "kimi-k2.5": 1_026_879_376_368,
    "kimi-k3": 2_779_931_837_184 - PADDED_DECAYS,
    "laguna-m.1": 225_795_725_568,
    "laguna-s-2.1": 117_561_977_600,
    "laguna-xs.2": 33_442_617_088,
    "lfm2-vl-1.6b": 1_584_804_000,
    "minimax-m3": 427_040_140_160,
    "muse-glimmer-30b": 29_776_626_688,
}


def config(name: str) -> dict[str, Any]:
    return dict(catalogue.entry(name).config or {})


def counted(given: dict[str, Any]) -> int:
    return inventory(from_config(given, "it")).total()


def cached(name: str, tokens: int) -> float:
    """Elements that one token of so many has in the cache."""
    shape: Shape = shape_of(from_config(config(name), name))
    return sum(each.layers * (each.keys + each.values) * kept(each, tokens) for each in shape.caches) / tokens


@pytest.mark.parametrize(("name", "total"), TOTALS.items(), ids=str)
def test_the_tensors_come_to_the_hubs_total(name: str, total: int) -> None:
    assert counted(config(name)) == total


@pytest.mark.parametrize(("name", "total"), [("step-3.5-flash", 199_384_301_376), ("step-3.7-flash", 201_365_316_160)])
def test_steps_total_holds_three_prediction_layers(name: str, total: int) -> None:
    assert total - counted(config(name)) == 3 * STEP_MTP


@pytest.mark.parametrize(("name", "share"), [("deepseek-v4-pro", 0.10), ("deepseek-v4-flash", 0.07)])
def test_the_cache_of_deepseek_v4_is_the_published_share_of_v3_2s(name: str, share: float) -> None:
    """At a million tokens, says its model card; in elements here, of which V4 keeps more in eight bits."""
    assert cached(name, MILLION) / cached("deepseek-v3.2", MILLION) == pytest.approx(share, abs=0.016)


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("glm-4.7-flash", 47 * 576),  # a test of a public server has these 47 x 576
        ("kimi-k2.5", 61 * 576),
        ("laguna-m.1", 70 * 2 * 1024),
        ("minimax-m3", 60 * 2 * 512 + 57 * 128),
    ],
)
def test_what_a_token_has_in_the_cache(name: str, elements: int) -> None:
    assert cached(name, 4096) == elements


def test_windows_stop_growing() -> None:
    few, many = (cached("laguna-xs.2", tokens) * tokens for tokens in (100_000, 200_000))
    assert round(many - few) == 100_000 * 10 * 2 * 1024


def test_a_flat_step_3_7_file_counts_what_its_class_builds_and_says_so() -> None:
    flat = {"model_type": "step3p7", "architectures": ["Step3p7FlashForCausalLM"], "vocab_size": 100, "hidden_size": 64}
    spec = from_config(flat, "it")
    assert inventory(spec).total() == 197_824_859_968
    assert any("vocab_size" in warning for warning in spec.warnings)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("deepseek-v4-flash", {"compress_ratios": [64] * 44}),
        ("deepseek-v4-flash", {"compress_ratios": [4] * 3}),
        ("deepseek-v4-flash", {"n_shared_experts": 2}),
        ("deepseek-v4-flash", {"o_groups": 7}),
        ("laguna-xs.2", {"num_attention_heads_per_layer": [48] * 39 + [49]}),
        ("laguna-xs.2", {"layer_types": ["full_attention"] * 3}),
        ("ling-3.0-flash", {"short_conv_kernel_size": None}),
        ("step-3.5-flash", {"moe_layers_enum": "3,x"}),
        ("step-3.5-flash", {"layer_types": ["full_attention"] * 4}),
        ("step-3.5-flash", {"attention_other_setting": {"num_attention_groups": 4}}),
        ("glm-4.7-flash", {"mlp_layer_types": ["sparse"] * 47}),
        ("internlm3-8b", {"qkv_bias": True}),
    ],
)
def test_what_is_not_understood_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises((UnsupportedModelError, InputFileError)):
        counted({**config(name), **change})


def test_a_tower_of_kimi_k3_that_nobody_counted_is_refused() -> None:
    given = config("kimi-k3")
    with pytest.raises(UnsupportedModelError, match="norm_type"):
        counted({**given, "vision_config": {**given["vision_config"], "norm_type": "layernorm"}})
