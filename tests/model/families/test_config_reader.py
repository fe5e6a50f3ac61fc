"""Reading a config.json: every number bounded, every key accounted for, every refusal by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmscale.errors import InputFileError, LlmscaleError, UnsupportedModelError
from llmscale.model.families import from_config, model_types
from llmscale.model.families._config import Config
from llmscale.model.families._harmless import is_harmless
from llmscale.model.inventory import inventory
from tests.helpers import TINY, TINY_TOTAL, error_of, tiny

WHERE = "my/config.json"


def count(config: dict[str, Any]) -> int:
    return inventory(from_config(config, WHERE)).total()


def refusal(config: dict[str, Any], kind: type[LlmscaleError] = InputFileError) -> str:
    with pytest.raises(kind) as caught:
        from_config(config, WHERE)
    assert type(caught.value) is kind
    assert caught.value.message.startswith(WHERE)
    assert caught.value.exit_status == 4
    return caught.value.message


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
@pytest.mark.parametrize("value", [True, "4096", 4096.0, [4096], {}])
def test_a_dimension_that_is_no_whole_number_is_refused(key: str, value: Any) -> None:
    assert f"{key} = {value!r}, which is not a whole number" in refusal(tiny(**{key: value}))


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
@pytest.mark.parametrize("value", [0, -1, 10**12, 10**40])
def test_a_dimension_out_of_bounds_is_refused(key: str, value: int) -> None:
    assert re.search(rf"{key} = \d*.*; it must lie between 1 and [\d,]+\.$", refusal(tiny(**{key: value})))


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
@pytest.mark.parametrize("more", [{}, {"auto_map": {"AutoModelForCausalLM": "modeling_tiny.Tiny"}}])
def test_a_dimension_that_is_null_or_that_own_code_assumes_is_named(key: str, more: dict[str, Any]) -> None:
    config = {k: v for k, v in TINY.items() if k != key} | (more or {key: None})
    assert refusal(config) == f"{WHERE} lacks '{key}'."


@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden_size", 4096), ("num_hidden_layers", 32), ("num_attention_heads", 32), ("vocab_size", 32000)],
)
def test_a_dimension_that_the_file_leaves_out_is_what_its_class_assumes_and_said(key: str, value: int) -> None:
    spec = from_config({k: v for k, v in TINY.items() if k != key} | {"num_key_value_heads": 4}, WHERE)
    assert spec.placed == from_config(tiny(**{key: value, "num_key_value_heads": 4}), WHERE).placed
    assert any(f"does not say {key} ({value})" in warning for warning in spec.warnings)


def test_heads_must_divide_what_they_share() -> None:
    assert "hidden size of 66, not a multiple of its 4 heads" in refusal(tiny(hidden_size=66))
    assert "8 KV heads but only 4 query heads" in refusal(tiny(num_key_value_heads=8))
    assert "4 query heads, not a multiple of its 3 KV heads" in refusal(tiny(num_key_value_heads=3))
    assert count(tiny(hidden_size=66, head_dim=16)) > 0


def test_heads_default_to_no_grouping_and_head_dim_to_an_even_share() -> None:
    grouped, plain = count(tiny()), count(tiny(num_key_value_heads=None))
    assert plain - grouped == 2 * 2 * 64 * 32
    assert count(tiny(head_dim=32)) - grouped == 2 * (2 * 64 * 64 + 2 * 64 * 32)


@pytest.mark.parametrize("value", [1, "true", [], 0.0])
def test_a_switch_is_true_or_false(value: Any) -> None:
    assert "attention_bias" in refusal(tiny(attention_bias=value))


def test_a_switch_that_is_null_is_off() -> None:
    assert count({**TINY, "attention_bias": None}) == TINY_TOTAL


@pytest.mark.parametrize("types", [["full_attention"], ["full_attention"] * 3, []])
def test_layer_types_must_name_every_layer(types: list[str]) -> None:
    message = refusal(tiny(layer_types=types))
    assert f"{len(types)} entries in layer_types for 2 layers" in message


@pytest.mark.parametrize("types", ["full_attention", [1, 2], {"0": "full_attention"}])
def test_layer_types_must_be_words(types: Any) -> None:
    assert "not a list of words" in refusal(tiny(layer_types=types))


def test_layer_types_must_be_known_and_sliding_ones_need_a_window() -> None:
    kinds = ["full_attention", "wobbly_attention"]
    assert "'wobbly_attention'" in refusal(tiny(layer_types=kinds), UnsupportedModelError)
    kinds = ["full_attention", "sliding_attention"]
    assert "has sliding layers but no sliding_window" in refusal(tiny(layer_types=kinds))
    assert count(tiny(layer_types=kinds, sliding_window=16)) == TINY_TOTAL


@pytest.mark.parametrize("value", ["LlamaForCausalLM", [1], {"a": 1}, 3])
def test_architectures_is_a_list_of_names(value: Any) -> None:
    assert "not a list of class names" in refusal(tiny(architectures=value))


@pytest.mark.parametrize("value", [None, []])
def test_without_architectures_the_language_model_is_meant(value: Any) -> None:
    assert count({**TINY, "architectures": value}) == TINY_TOTAL


def test_other_heads_are_counted_or_refused() -> None:
    assert count(tiny(architectures=["LlamaModel"])) == TINY_TOTAL - 6400
    assert count(tiny(architectures=["LlamaForSequenceClassification"])) == TINY_TOTAL - 6400 + 2 * 64
    labelled = tiny(architectures=["LlamaForSequenceClassification"], id2label={"0": "a", "1": "b", "2": "c"})
    assert count(labelled) == TINY_TOTAL - 6400 + 3 * 64
    assert count(tiny(architectures=["LlamaForTokenClassification"], num_labels=5)) == TINY_TOTAL - 6400 + 5 * 65
    message = refusal(tiny(architectures=["LlamaForTimeTravel"]), UnsupportedModelError)
    assert "is a LlamaForTimeTravel" in message


def test_text_where_text_is_meant() -> None:
    config = {"model_type": "t5", "d_model": 8, "vocab_size": 8, "d_ff": 8, "num_layers": 1, "num_heads": 1, "d_kv": 8}
    assert "feed_forward_proj = 3, which is not text" in refusal({**config, "feed_forward_proj": 3})


@pytest.mark.parametrize("value", ["[2, 2]", [2, True], [2, 0], [2, 10**9], 4, [1.5]])
def test_a_list_of_whole_numbers_is_one(value: Any) -> None:
    swin = {"model_type": "swin", "embed_dim": 96, "depths": value, "num_heads": [3, 6]}
    assert "not a list of whole numbers" in refusal(swin)


def test_a_list_that_is_needed_is_named() -> None:
    assert refusal({"model_type": "swin", "embed_dim": 96, "depths": None}) == f"{WHERE} lacks 'depths'."


def test_without_a_model_type_families_are_named() -> None:
    with pytest.raises(InputFileError, match="no 'model_type'") as caught:
        from_config({"hidden_size": 64}, WHERE)
    assert "bert" in caught.value.hint


@pytest.mark.parametrize(("name", "near"), [("lama", "llama"), ("qwen5", "qwen3"), ("zzzzzz", "RefinedWeb")])
def test_an_unknown_model_type_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnsupportedModelError, match=re.escape(f"'{name}'")) as caught:
        from_config({"model_type": name}, WHERE)
    assert near in caught.value.hint


@pytest.mark.parametrize("value", [3, ["llama"], {"llama": 1}, True])
def test_a_model_type_is_a_word(value: Any) -> None:
    with pytest.raises(UnsupportedModelError):
        from_config({"model_type": value}, WHERE)


# -- keys that nobody asked for ----------------------------------------------------------------


GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "vocab_size": 100,
    "n_positions": 32,
}
CLIP = {"model_type": "clip_vision_model", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
CLIP |= {"num_attention_heads": 1, "image_size": 8, "patch_size": 4}
DEEPSEEK: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 128, "moe_intermediate_size": 32, "vocab_size": 100}
DEEPSEEK |= {
    "num_attention_heads": 4,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
}
DEEPSEEK |= {"n_routed_experts": 8, "num_experts_per_tok": 2}
#: A family that transformers has no class for.
CLASSLESS: dict[str, Any] = {**TINY, "model_type": "orion", "architectures": ["OrionForCausalLM"]}


@pytest.mark.parametrize("value", [1, 0.5, "on", [1], {"a": 1}, True, [0]])
def test_an_unknown_key_may_change_the_count_and_is_refused(value: Any) -> None:
    message = refusal({**CLASSLESS, "num_secret_experts": value}, UnsupportedModelError)
    assert "'num_secret_experts'" in message
    assert "model_type 'orion'" in message


@pytest.mark.parametrize("value", [1, 4096, 0.5, "on", [1], {"a": 1}, True])
def test_what_no_class_reads_is_noted(value: Any) -> None:
    spec = from_config(tiny(num_secret_experts=value), WHERE)
    assert inventory(spec).total() == TINY_TOTAL
    assert [each for each in spec.warnings if "num_secret_experts" in each and "transformers" in each]


@pytest.mark.parametrize(
    "key", ["tie_weights_", "is_llama_config", "_num_labels", "output_gate_type", "scale", "emb_size", "moe_frequency"]
)
def test_keys_of_tools_are_noted(key: str) -> None:
    assert count(tiny(**{key: 7})) == TINY_TOTAL


@pytest.mark.parametrize("key", ["neftune_noise_alpha", "kv_cache_dtype", "use_flash_attention_2", "tokenizer_name"])
def test_keys_of_training_tools_are_noted(key: str) -> None:
    assert count(tiny(**{key: "auto"})) == TINY_TOTAL


def test_what_the_class_reads_and_we_do_not_is_refused() -> None:
    assert "'add_cross_attention'" in refusal({**GPT2, "add_cross_attention": True}, UnsupportedModelError)


def test_a_size_that_the_files_own_code_may_read_is_refused() -> None:
    own = {"auto_map": {"AutoModelForCausalLM": "modeling_mine.MineForCausalLM"}}
    assert "'num_secret_experts'" in refusal(tiny(num_secret_experts=8, **own), UnsupportedModelError)
    assert count(tiny(num_secret_experts=8, auto_map={"AutoTokenizer": "mine.Tokenizer"})) == TINY_TOTAL


def test_of_a_part_the_note_says_where() -> None:
    vision = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "num_attention_heads": 1}
    vision |= {"vision_use_head": False, "model_type": "siglip_vision_model", "registers": 4}
    spec = from_config({"model_type": "gemma3", "text_config": {}, "vision_config": vision}, WHERE)
    assert any("vision_config.registers" in each for each in spec.warnings)


def test_a_key_left_out_is_what_the_class_assumes() -> None:
    whole = {"model_type": "deepseek_v3", "num_hidden_layers": 4, **DEEPSEEK}
    assert count(whole) == count({**whole, "first_k_dense_replace": 3, "q_lora_rank": 1536})
    assert count(whole) != count({**whole, "first_k_dense_replace": 0})
    assert count(whole) != count({**whole, "q_lora_rank": None})


@pytest.mark.parametrize("key", ["text_config", "vision_config"])
def test_a_part_of_any_architecture_has_to_be_there(key: str) -> None:
    config = {"model_type": "llava", "text_config": {"model_type": "llama"}, "vision_config": CLIP}
    assert count(config) > 0
    del config[key]
    assert f"lacks the object '{key}'" in refusal(config)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, 0.0])
def test_an_unknown_key_that_is_off_changes_nothing(value: Any) -> None:
    assert count({**TINY, "num_secret_experts": value}) == TINY_TOTAL


def test_many_unknown_keys_are_cut() -> None:
    message = refusal({**CLASSLESS, **{f"secret_{n}": 1 for n in range(9)}}, UnsupportedModelError)
    assert "keys that may change" in message
    assert message.count("'secret_") == 5
    assert "…" in message


@pytest.mark.parametrize(
    "key",
    [
        "torch_dtype",
        "transformers_version",
        "bos_token_id",
        "rope_theta",
        "rope_scaling",
        "rms_norm_eps",
        "attention_dropout",
        "initializer_range",
        "hidden_act",
        "use_cache",
        "quantization_config",
        "_name_or_path",
        "pretraining_tp",
        "auto_map",
    ],
)
def test_keys_that_never_touch_a_tensor_are_let_through(key: str) -> None:
    assert count(tiny(**{key: "anything"})) == TINY_TOTAL


def test_a_nested_key_is_named_with_its_path() -> None:
    text = {"model_type": "gemma3_text"}
    vision = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "num_attention_heads": 1}
    vision |= {"vision_use_head": False, "model_type": "siglip_vision_model"}
    config: dict[str, Any] = {"model_type": "gemma3", "text_config": text, "vision_config": vision}
    assert count(config) > 0
    message = refusal({**config, "vision_config": {**vision, "projection_size": 4}}, UnsupportedModelError)
    assert "'vision_config.projection_size'" in message
    message = refusal({**config, "text_config": {**text, "num_hidden_layers": -3}})
    assert "text_config.num_hidden_layers = -3" in message
    assert "lacks the object 'vision_config'" in refusal({**config, "vision_config": [1]})


KEY = st.from_regex(r"[a-z]{3,12}(_[a-z]{2,8}){1,3}", fullmatch=True)
LLAMA_KEYS = {
    *TINY,
    "head_dim",
    "attention_bias",
    "mlp_bias",
    "tie_word_embeddings",
    "sliding_window",
    "layer_types",
    "no_rope_layers",
    "no_rope_layer_interval",
    "use_sliding_window",
    "max_window_layers",
    "model_max_length",
    "max_sequence_length",
    "num_labels",
}


@given(KEY, st.integers(1, 100) | st.text(min_size=1, max_size=5) | st.lists(st.integers(), min_size=1, max_size=3))
def test_whatever_an_unknown_key_is_called_it_is_refused(key: str, value: Any) -> None:
    assume(key not in LLAMA_KEYS and not is_harmless(key, 7))
    with pytest.raises(UnsupportedModelError, match=re.escape(key)):
        from_config({**CLASSLESS, key: value}, WHERE)


@given(KEY)
def test_whatever_a_null_key_is_called_it_changes_nothing(key: str) -> None:
    assume(key not in TINY)
    assert count({**TINY, key: None}) == TINY_TOTAL


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(sorted(model_types())), st.dictionaries(st.sampled_from(sorted(LLAMA_KEYS - {"model_type"})), JSON)
)
def test_any_config_is_counted_or_refused_and_never_breaks(family: str, values: dict[str, Any]) -> None:
    error = error_of(lambda: count({**TINY, **values, "model_type": family}))
    if error is not None:
        assert error.exit_status == 4
        assert error.message.startswith(WHERE)


def test_spellings_of_one_dimension_are_read_in_order() -> None:
    config = Config({"n_embd": None, "hidden_size": 7}, WHERE)
    assert config.number("n_embd", "hidden_size") == 7
    assert Config({"a": 0}, WHERE).number("a", low=0) == 0
    assert Config({}, WHERE).number("a", default=None) is None
    assert Config({}, WHERE).numbers("a", default=[]) == []
