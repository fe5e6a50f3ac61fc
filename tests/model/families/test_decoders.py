"""What sets each decoder family apart, as differences that can be counted by hand on small configs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.errors import InputFileError, UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.shape import shape_of
from llmscale.model.spec import ModelSpec
from tests.helpers import TINY_TOTAL, TRUTH, tiny

LAYERS, WIDTH, MLP, VOCAB = 2, 64, 128, 100
KV = 32


def read(config: dict[str, Any]) -> ModelSpec:
    return from_config(config, "config.json")


def total(config: dict[str, Any]) -> int:
    return inventory(read(config)).total()


def recorded(slug: str, **changes: Any) -> dict[str, Any]:
    """A published config with some keys changed."""
    config: dict[str, Any] = json.loads((TRUTH / "configs" / f"{slug}.json").read_text(encoding="utf-8"))
    return {**config, **changes}


def windows(config: dict[str, Any]) -> dict[int | None, int]:
    """Layers by the window they slide."""
    return {cache.window: cache.layers for cache in shape_of(read(config)).caches}


def refused(config: dict[str, Any], word: str) -> None:
    with pytest.raises((UnsupportedModelError, InputFileError), match=word):
        read(config)


# -- LLaMA and what is shaped like it ----------------------------------------------------------


def test_llama_biases_add_one_vector_per_matrix() -> None:
    assert total(tiny(attention_bias=True)) - TINY_TOTAL == LAYERS * (WIDTH + KV + KV + WIDTH)
    assert total(tiny(mlp_bias=True)) - TINY_TOTAL == LAYERS * (MLP + MLP + WIDTH)


@pytest.mark.parametrize(
    ("model_type", "more"),
    [
        ("mistral", 0),
        ("ministral", 0),
        ("yi", 0),
        ("Yi", 0),
        ("aquila", 0),
        ("xverse", 0),
        ("baichuan", LAYERS * 2 * WIDTH * KV),  # queries, keys and values in one matrix: no grouping
        ("qwen2", LAYERS * (WIDTH + KV + KV)),  # biases on queries, keys and values
        ("orion", (2 * LAYERS + 1) * WIDTH),  # LayerNorms: a shift beside each scale
        ("hunyuan_v1_dense", LAYERS * 2 * 16),  # norms of a head's query and key
        ("smollm3", -VOCAB * WIDTH),  # tied
    ],
)
def test_what_a_family_adds_to_llama(model_type: str, more: int) -> None:
    config = tiny(model_type=model_type, architectures=None)
    if model_type == "baichuan":
        config.pop("num_key_value_heads")
    assert total(config) - TINY_TOTAL == more


def test_mistral_slides_every_layer_unless_it_says_null() -> None:
    assert windows(tiny(model_type="mistral")) == {4096: 2}  # the default of `MistralConfig`
    assert windows(tiny(model_type="mistral", sliding_window=16)) == {16: 2}
    assert windows({**tiny(model_type="mistral"), "sliding_window": None}) == {None: 2}
    assert windows(tiny(model_type="ministral", sliding_window=16, layer_types=["sliding_attention", "full_attention"]))


def test_qwen_slides_late_layers_and_only_when_switched_on() -> None:
    qwen = tiny(model_type="qwen2", num_hidden_layers=4, sliding_window=16, max_window_layers=1)
    assert windows(qwen) == {None: 4}
    assert windows({**qwen, "use_sliding_window": True}) == {None: 1, 16: 3}
    kinds = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
    assert windows({**qwen, "use_sliding_window": True, "layer_types": kinds}) == {16: 2, None: 2}


def test_qwen3_normalises_queries_and_keys_and_cannot_do_without() -> None:
    qwen3 = tiny(model_type="qwen3", head_dim=16)
    assert total(qwen3) - TINY_TOTAL == LAYERS * 2 * 16
    refused({**qwen3, "use_qk_norm": False}, "use_qk_norm")


def test_qwen_1_counts_gate_and_up_in_its_intermediate_size() -> None:
    qwen = {
        "model_type": "qwen",
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
    }
    layer = 4 * 64 * 64 + 3 * 64 + 3 * 64 * 128 + 2 * 64
    assert total(qwen) == 2 * 100 * 64 + 2 * layer + 64
    refused({**qwen, "intermediate_size": 255}, "must be even")


# -- windows -----------------------------------------------------------------------------------


def test_gemma_2_slides_every_second_layer_and_gemma_3_five_of_six() -> None:
    gemma = tiny(model_type="gemma2", architectures=None, num_hidden_layers=30, sliding_window=16)
    assert windows(gemma) == {16: 15, None: 15}
    third = {**gemma, "model_type": "gemma3_text"}
    assert windows(third) == {16: 25, None: 5}
    assert windows({**third, "sliding_window_pattern": 4}) == {16: 23, None: 7}
    assert windows({**gemma, "model_type": "gemma"} | {"sliding_window": None}) == {None: 30}


def test_gemma_heads_are_as_wide_as_they_say_and_its_head_is_tied() -> None:
    narrow = tiny(model_type="gemma", architectures=None, head_dim=16)
    assert total(narrow) == TINY_TOTAL - VOCAB * WIDTH
    wide = {key: value for key, value in narrow.items() if key != "head_dim"}
    assert total(wide) - total(narrow) == LAYERS * 2 * WIDTH * (4 + 2) * (256 - 16)
    second = {**narrow, "model_type": "gemma2"}
    assert total(second) - total(narrow) == LAYERS * 2 * WIDTH


def test_gpt_oss_slides_the_first_of_every_two_layers() -> None:
    config = recorded("gpt-oss-20b")
    config.pop("layer_types", None)
    window = config["sliding_window"]
    assert windows(config) == {window: config["num_hidden_layers"] // 2, None: config["num_hidden_layers"] // 2}
    first = next(p for p in read(config).placed if p.prefix.endswith("self_attn."))
    assert first.layers[0] == 0
    assert first.block.cache() is not None
    assert first.block.cache().window == window  # type: ignore[union-attr]


# -- GPT and its age ---------------------------------------------------------------------------


def test_gpt2_stores_positions_and_transposed_matrices() -> None:
    config = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100, "n_positions": 32}
    layer = 64 * 192 + 192 + 64 * 64 + 64 + 64 * 256 + 256 + 256 * 64 + 64 + 4 * 64
    assert total(config) == 100 * 64 + 32 * 64 + 2 * layer + 2 * 64
    groups = {group.name: group for group in inventory(read(config)).groups}
    assert groups["transformer.h.{layer}.attn.c_attn.weight"].shape == (64, 192)
    assert total({**config, "model_type": "gpt3"}) == total(config)
    assert total({**config, "n_inner": 128}) == total(config) - 2 * (128 + 2 * 64 * 128)


def test_opt_has_two_spare_positions_and_350m_projects_its_embedding() -> None:
    config = {
        "model_type": "opt",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "ffn_dim": 128,
        "num_attention_heads": 4,
        "vocab_size": 100,
        "max_position_embeddings": 30,
    }
    layer = 4 * (64 * 64 + 64) + 2 * 64 * 128 + 128 + 64 + 4 * 64
    assert total(config) == 100 * 64 + 32 * 64 + 2 * layer + 2 * 64
    narrow = {**config, "word_embed_proj_dim": 16}
    assert total(narrow) == total(config) - 100 * 48 + 2 * 16 * 64
    assert total({**config, "do_layer_norm_before": False}) == total(config) - 2 * 64
    refused({**config, "layer_norm_elementwise_affine": False}, "layer_norm_elementwise_affine")


def test_falcon_in_its_three_architectures() -> None:
    config = {
        "model_type": "falcon",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
    }
    mlp = 2 * 64 * 256
    multi_query = 64 * (64 + 16 + 16) + 64 * 64 + mlp + 2 * 64
    assert total(config) == 100 * 64 + 2 * multi_query + 2 * 64
    grouped = 64 * (64 + 32 + 32) + 64 * 64 + mlp + 4 * 64
    new = {**config, "new_decoder_architecture": True, "num_kv_heads": 2}
    assert total(new) == 100 * 64 + 2 * grouped + 2 * 64
    assert total({**new, "num_ln_in_parallel_attn": 1}) == total(new) - 2 * 2 * 64
    assert total({**new, "model_type": "RefinedWeb", "new_decoder_architecture": None}) == total(new)
    old = {**config, "multi_query": False, "parallel_attn": False, "bias": True}
    layer = 64 * 192 + 192 + 64 * 64 + 64 + mlp + 256 + 64 + 4 * 64
    assert total(old) == 100 * 64 + 2 * layer + 2 * 64
    refused({**new, "num_kv_heads": 3}, "not a multiple of its 3 KV heads")


def test_chatglm_of_both_generations() -> None:
    config: dict[str, Any] = {
        "model_type": "chatglm",
        "architectures": ["ChatGLMModel"],
        "hidden_size": 64,
        "num_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
        "max_sequence_length": 2048,
    }
    layer = 64 * 192 + 192 + 64 * 64 + 64 + 2 * 64 * 256 + 256 + 64 + 4 * 64
    assert total(config) == 100 * 64 + 2 * layer + 2 * 64
    assert read(config).max_context == 2048
    later = {**config, "padded_vocab_size": 100, "ffn_hidden_size": 128, "seq_length": 512}
    later |= {"multi_query_attention": True, "multi_query_group_num": 2, "add_qkv_bias": True}
    layer = 64 * (64 + 32 + 32) + 128 + 64 * 64 + 3 * 64 * 128 + 2 * 64
    assert total(later) == 2 * 100 * 64 + 2 * layer + 64
    assert total({**later, "post_layer_norm": False}) == total(later) - 64
    assert total({**later, "rmsnorm": False}) == total(later) + 5 * 64
    assert total({**later, "multi_query_attention": False}) == total(later) + 2 * (64 * 64 + 64)


def test_phi_may_normalise_queries_and_keys() -> None:
    config = {**tiny(model_type="phi", architectures=None), "qk_layernorm": True}
    plain = total({**config, "qk_layernorm": False})
    assert total(config) - plain == LAYERS * 2 * 2 * 16


# -- mixtures ----------------------------------------------------------------------------------


def mixture(**changes: Any) -> dict[str, Any]:
    config = tiny(model_type="qwen2_moe", num_hidden_layers=4, num_experts=8, num_experts_per_tok=2, architectures=None)
    return {**config, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48, **changes}


EXPERT = 3 * WIDTH * 32


def test_qwen_moe_places_its_mixtures_by_step_and_by_list() -> None:
    parts = inventory(read(mixture())).components()
    assert (parts["experts"], parts["mlp"]) == (4 * 8 * EXPERT, 0)
    assert parts["shared_experts"] == 4 * 3 * WIDTH * 48
    assert parts["router"] == 4 * (8 + 1) * WIDTH  # the gate of the shared expert is a row of its own
    parts = inventory(read(mixture(decoder_sparse_step=2))).components()
    assert (parts["experts"], parts["mlp"]) == (2 * 8 * EXPERT, 2 * 3 * WIDTH * MLP)
    parts = inventory(read(mixture(mlp_only_layers=[0, 1, 2]))).components()
    assert (parts["experts"], parts["mlp"]) == (8 * EXPERT, 3 * 3 * WIDTH * MLP)
    refused(mixture(num_experts_per_tok=9), "num_experts_per_tok = 9")
    third = inventory(read(mixture(model_type="qwen3_moe", shared_expert_intermediate_size=None))).components()
    assert third["shared_experts"] == 0


def deepseek(**changes: Any) -> dict[str, Any]:
    config = tiny(model_type="deepseek_v3", architectures=None, num_hidden_layers=4, num_experts_per_tok=2)
    config |= {"n_routed_experts": 8, "moe_intermediate_size": 32, "n_shared_experts": 1, "first_k_dense_replace": 1}
    config |= {"q_lora_rank": 24, "kv_lora_rank": 20, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12}
    return {**config, **changes}


def test_deepseek_caches_a_latent_and_rebuilds_keys_and_values() -> None:
    spec = read(deepseek())
    (cache,) = shape_of(spec).caches
    assert (cache.layers, cache.keys, cache.values) == (4, 20, 8)
    query = 64 * 24 + 24 + 24 * 4 * (16 + 8)
    key_value = 64 * (20 + 8) + 20 + 20 * 4 * (16 + 12)
    parts = inventory(spec).components()
    assert parts["attention"] == 4 * (query - 24 + key_value - 20 + 4 * 12 * 64)
    assert parts["norm"] == 4 * (2 * 64 + 24 + 20) + 64
    lite = inventory(read(deepseek(q_lora_rank=None))).components()
    assert parts["attention"] - lite["attention"] == 4 * (query - 24 - 64 * 4 * (16 + 8))


def test_deepseek_places_dense_layers_first_and_corrects_only_where_noaux_tc() -> None:
    parts = inventory(read(deepseek())).components()
    assert (parts["mlp"], parts["experts"]) == (3 * 64 * 128, 3 * 8 * 3 * 64 * 32)
    assert parts["router"] == 3 * (8 * 64 + 8)
    second = inventory(read(deepseek(model_type="deepseek_v2"))).components()
    assert second["router"] == 3 * 8 * 64
    assert inventory(read(deepseek(topk_method="greedy"))).components()["router"] == 3 * 8 * 64
    every_other = inventory(read(deepseek(moe_layer_freq=2))).components()
    assert every_other["experts"] == 1 * 8 * 3 * 64 * 32
    dense = dict.fromkeys(("n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"))
    assert inventory(read(deepseek(**dense, n_shared_experts=None))).components()["experts"] == 0


def test_prediction_layers_are_told_of_and_not_counted() -> None:
    spec = read(deepseek(num_nextn_predict_layers=1))
    assert inventory(spec).total() == total(deepseek())
    assert any("multi-token-prediction" in warning for warning in spec.warnings)
    assert read(deepseek()).warnings == ()


def test_ernie_mixtures_start_end_and_repeat_where_they_say() -> None:
    config = tiny(model_type="ernie4_5_moe", architectures=None, num_hidden_layers=8)
    config |= {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 32}
    expert = 4 * 3 * 64 * 32

    def mixtures(**changes: Any) -> int:
        return inventory(read({**config, **changes})).components()["experts"] // expert

    assert mixtures() == 7
    assert mixtures(moe_layer_start_index=3) == 5
    assert mixtures(moe_layer_start_index=0, moe_layer_end_index=3) == 4
    assert mixtures(moe_layer_start_index=0, moe_layer_interval=2) == 4


def hunyuan(**changes: Any) -> dict[str, Any]:
    config = tiny(model_type="hunyuan_v1_moe", architectures=None, num_hidden_layers=4, num_experts=4, moe_topk=2)
    return {**config, "num_shared_expert": 1, **changes}


def test_hunyuan_shares_keys_and_values_between_layers_when_it_says_so() -> None:
    alone, shared = read(hunyuan()), read(hunyuan(use_cla=True, cla_share_factor=2))
    (cache,) = shape_of(shared).caches
    assert cache.layers == 2
    assert shape_of(alone).caches[0].layers == 4
    assert inventory(alone).total() - inventory(shared).total() == 2 * 2 * WIDTH * KV


def test_hunyuan_takes_one_number_or_one_per_layer_alike() -> None:
    assert total(hunyuan(moe_topk=[2] * 4, num_experts=[4] * 4, num_shared_expert=[1] * 4)) == total(hunyuan())
    refused(hunyuan(moe_topk=[1, 2, 2, 2]), "moe_topk that differs between layers")
    refused(hunyuan(use_qk_norm=False), "use_qk_norm")
    refused(hunyuan(moe_layer_num_skipped=1), "dense layers before")
    assert inventory(read(hunyuan(use_mixed_mlp_moe=False))).components()["shared_experts"] == 0


# -- encoder-decoders --------------------------------------------------------------------------

T5 = {"model_type": "t5", "d_model": 64, "vocab_size": 100, "d_ff": 128, "num_layers": 2, "num_heads": 4, "d_kv": 16}


def test_t5_has_two_towers_and_a_position_bias_in_the_first_layer_of_each() -> None:
    attention, mlp, norm = 4 * 64 * 64, 2 * 64 * 128, 64
    encoder = 2 * (attention + mlp + 2 * norm) + 32 * 4 + norm
    decoder = 2 * (2 * attention + mlp + 3 * norm) + 32 * 4 + norm
    assert total(T5) == 100 * 64 + encoder + decoder
    assert total({**T5, "architectures": ["T5EncoderModel"]}) == 100 * 64 + encoder
    assert total({**T5, "feed_forward_proj": "gated-gelu"}) == total(T5) + 4 * 64 * 128
    assert total({**T5, "num_decoder_layers": 1}) == total(T5) - (2 * attention + mlp + 3 * norm)
    assert inventory(read({**T5, "architectures": ["T5Model"]})).untied_total() == total(T5)
    refused({**T5, "architectures": ["T5ForMultipleChoice"]}, "T5ForMultipleChoice")


def test_t5_says_when_its_checkpoint_holds_a_head_of_its_own() -> None:
    assert read(T5).warnings == ()
    assert "head" in read({**T5, "tie_word_embeddings": False}).warnings[0]


LFM3 = {"model_type": "lfm3", "architectures": ["Lfm3ForCausalLM"], "num_hidden_layers": 6}


def test_lfm3_convolves_half_of_its_layers_and_slides_or_attends_in_the_others() -> None:
    spec = from_config(LFM3, "a file")
    kept = {shape.window: placed.layers for placed in spec.placed if (shape := placed.block.cache())}
    assert kept == {None: (2,), 256: (4,)}
    assert [group.layers for group in inventory(spec).groups if "g_proj" in group.name] == [(2, 4)]
    bare = inventory(from_config({**LFM3, "use_attention_gate": False, "use_sandwich_norm": False}, "a file")).total()
    assert inventory(spec).total() - bare == 2 * 16 * 2048 + 6 * 2 * 2048


@pytest.mark.parametrize(
    ("more", "kind", "word"),
    [
        ({"layer_types": ["conv"] * 5 + ["linear_attention"]}, UnsupportedModelError, "'linear_attention'"),
        ({"layer_types": ["conv"] * 5 + ["sliding_attention"], "sliding_window": None}, InputFileError, "no sliding_w"),
        ({"layer_types": ["conv"] * 5}, InputFileError, "5 entries in layer_types for 6 layers"),
    ],
)
def test_lfm3_refuses_layers_that_it_cannot_place(more: dict[str, Any], kind: type[Exception], word: str) -> None:
    with pytest.raises(kind, match=word):
        from_config({**LFM3, **more}, "a file")
