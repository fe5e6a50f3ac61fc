"""Keys of which single changes of classes' own configs were counted wrong: as the classes of transformers 5.24.0 do."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.model.families import from_config
from llmscale.model.inventory import inventory

SHAPE: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
EMBEDDING = SHAPE["vocab_size"] * SHAPE["hidden_size"]
EAR = {"d_model": 64, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 128}
EYE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4}


def total(architecture: str, model_type: str, **more: Any) -> int:
    return inventory(from_config({"model_type": model_type, "architectures": [architecture], **more}, "a file")).total()


def text(model_type: str, **more: Any) -> dict[str, Any]:
    return {**SHAPE, "model_type": model_type, **more}


def labels(count: int) -> dict[str, str]:
    return {str(number): f"kind {number}" for number in range(count)}


@pytest.mark.parametrize("inner", [True, False])
def test_a_class_that_asks_only_the_whole_does_not_tie_for_its_text(inner: bool) -> None:
    audio = text("qwen2", tie_word_embeddings=inner)
    whole = {"text_config": audio, "audio_config": EAR}
    assert total("Qwen2AudioForConditionalGeneration", "qwen2_audio", **whole) == 290_688
    tied = total("Qwen2AudioForConditionalGeneration", "qwen2_audio", **whole, tie_word_embeddings=True)
    assert tied == 290_688 - EMBEDDING
    heard = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    parts = {"text_config": text("llama", tie_word_embeddings=inner), "audio_config": heard}
    assert total("VoxtralForConditionalGeneration", "voxtral", **parts) == 298_560


def test_an_encoder_of_sound_that_leaves_its_depth_out_is_as_deep_as_its_class_makes_it() -> None:
    given = {"text_config": text("qwen3"), "audio_config": {"d_model": 64, "encoder_ffn_dim": 128}}
    assert total("Qwen3ASRForConditionalGeneration", "qwen3_asr", **given) == 5_765_312


@pytest.mark.parametrize(("more", "bias"), [({}, 0), ({"token_classification_bias": True}, 5)])
def test_labels_of_tokens_have_the_bias_that_the_whole_says(more: dict[str, Any], bias: int) -> None:
    parts = {"text_config": text("qwen3"), "audio_config": EAR, "id2label": labels(5)}
    assert total("Qwen3ASRForTokenClassification", "qwen3_asr", **parts, **more) == 5_029_248 + bias


def test_labels_of_tokens_have_a_bias_unless_the_file_says_otherwise() -> None:
    assert total("Qwen3ForTokenClassification", "qwen3", **SHAPE) == 80_386
    assert total("Qwen3ForTokenClassification", "qwen3", **SHAPE, token_classification_bias=False) == 80_384


def test_labels_are_those_of_the_whole() -> None:
    parts = {
        "text_config": text("gemma3_text", id2label=labels(1)),
        "vision_config": {**EYE, "image_size": 56, "patch_size": 14},
    }
    assert total("Gemma3ForSequenceClassification", "gemma3", **parts, id2label=labels(7)) == 190_848


def test_an_untied_head_of_mpnet_has_a_bias_of_its_own() -> None:
    shape = {key: value for key, value in SHAPE.items() if key not in ("num_key_value_heads", "head_dim")}
    assert total("MPNetForMaskedLM", "mpnet", **shape, max_position_embeddings=32, tie_word_embeddings=False) == 86_016
    tied = total("MPNetForMaskedLM", "mpnet", **shape, max_position_embeddings=32)
    assert tied == 86_016 - EMBEDDING - SHAPE["vocab_size"]


def test_the_shared_expert_of_hy3_has_the_biases_of_the_dense_layers() -> None:
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 1}
    assert total("HYV3ForCausalLM", "hy_v3", **SHAPE, **experts, mlp_bias=True) == 93_252
    dense, shared = 2 * 128 + 64, 2 * 32 + 64
    assert total("HYV3ForCausalLM", "hy_v3", **SHAPE, **experts) == 93_252 - dense - shared


def test_the_head_of_ling_is_never_tied() -> None:
    ling = {**SHAPE, "num_experts": 4, "num_experts_per_token": 2, "moe_intermediate_size": 32, "kv_lora_rank": 16}
    ling |= {"q_lora_rank": None, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}
    ling |= {"linear_num_heads": 4, "linear_head_dim": 16, "short_conv_kernel_size": 4, "num_shared_experts": 1}
    plain = total("BailingHybridForCausalLM", "bailing_hybrid", **ling)
    assert total("BailingHybridForCausalLM", "bailing_hybrid", **ling, tie_word_embeddings=True) == plain


def test_the_norm_before_the_projector_of_kimi_is_as_wide_as_the_file_says() -> None:
    expert = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1}
    latent = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}
    parts = {"text_config": text("deepseek_v3", **expert, **latent), "vision_config": {**EYE, "patch_size": 14}}
    whole = "Kimi_K25ForConditionalGeneration", "kimi_k25"
    assert total(*whole, **parts) - total(*whole, **parts, projection_hidden_size=64) == 2 * (1152 - 64)
    assert total(*whole, **parts, auto_map={"AutoModel": "own.Model"}) == total(
        *whole, **parts, projection_hidden_size=64
    )


def test_layers_that_share_a_transformer_share_nothing_where_nothing_is_tied() -> None:
    """Zamba's classes name what is shared among the weights that are tied, which ``tie_word_embeddings`` switches."""
    shape = {key: value for key, value in SHAPE.items() if key != "head_dim"} | {
        "num_hidden_layers": 9,
        "num_key_value_heads": 4,
    }
    types = ["mamba"] * 2 + ["hybrid"] + ["mamba"] * 2 + ["hybrid"] + ["mamba"] * 2 + ["hybrid"]
    for model_type in ("zamba", "zamba2"):
        name = f"{model_type.capitalize()}ForCausalLM"
        tied, untied = (
            inventory(
                from_config(
                    {"model_type": model_type, "architectures": [name], "tie_word_embeddings": tie}
                    | shape
                    | {"layers_block_type": types, "n_mamba_heads": 4, "mamba_headdim": 32},
                    "a file",
                )
            )
            for tie in (True, False)
        )
        assert untied.total() == tied.untied_total()
        assert untied.total() > tied.total() + EMBEDDING


# Their one stack is what the file says; the whole makes an encoder and a decoder of any file.
@pytest.mark.parametrize(
    ("architecture", "decodes", "count"),
    [
        ("T5EncoderModel", False, 92_992),
        ("T5EncoderModel", True, 142_336),
        ("T5Model", False, 228_928),
        ("T5Model", True, 228_928),
    ],
)
def test_a_bare_stack_that_decodes_looks_across(architecture: str, decodes: bool, count: int) -> None:
    stacks = {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 3, "num_heads": 4, "vocab_size": 100}
    assert total(architecture, "t5", is_decoder=decodes, **stacks) == count
