"""A published file with one thing changed that our reading of its class does not count: refused, by name.

Each row is a change of the config of a catalogue model and what the message must say. Without the refusal the count
would be that of another model, printed as exact.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from llmscale.catalogue import entries as catalogue
from llmscale.errors import LlmscaleError
from llmscale.model.families import from_config

#: Of a key that is taken away.
GONE = object()

ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("apertus-8b", {"qk_norm": False}, "qk_norm"),
    ("snowflake-arctic", {"head_dim": 64}, "which do not make its"),
    ("snowflake-arctic", {"moe_layer_frequency": 2}, "has no mixture beside a dense MLP"),
    ("snowflake-arctic", {"sliding_window": 4096}, "slides a window"),
    ("ling-lite", {"architectures": ["BailingVisionModel"]}, "is a BailingVisionModel"),
    ("ling-mini-2.0", {"use_qk_norm": None}, "use_qk_norm"),
    ("ling-mini-2.0", {"moe_router_enable_expert_bias": False}, "moe_router_enable_expert_bias"),
    ("ling-mini-2.0", {"moe_shared_expert_intermediate_size": 4096}, "shared experts of another width"),
    ("bart-base", {"architectures": ["BartForTokenClassification"]}, "is a BartForTokenClassification"),
    ("beit-base", {"layer_scale_init_value": "small"}, "layer_scale_init_value"),
    ("clip-vit-base-patch32", {"architectures": ["CLIPForPretraining"]}, "is a CLIPForPretraining"),
    ("command-r-35b", {"use_gated_activation": False}, "switches use_gated_activation off"),
    ("deberta-v3-base", {"pos_att_type": 3}, "pos_att_type"),
    ("deepseek-v3.2", {"layer_types": ["full_attention"] * 61}, "layers without sparse attention"),
    ("deepseek-v3.2", {"num_experts": 128}, "another number in num_experts"),
    ("glm-5.2", {"indexer_types": ["full"]}, "indexer_types"),
    ("dots.llm1", {"moe_layer_freq": 2}, "moe_layer_freq"),
    ("eurobert-210m", {"architectures": ["EuroBertForQuestionAnswering"]}, "is a EuroBertForQuestionAnswering"),
    ("exaone-4.0-32b", {"sliding_window_pattern": "LGLG3"}, "sliding_window_pattern"),
    ("falcon-h1-7b", {"attn_layer_indices": [1, 3]}, "attn_layer_indices"),
    ("falcon-h1-7b", {"mamba_use_mlp": False}, "switches mamba_use_mlp off"),
    ("gemma-4-e2b", {"text_config.num_key_value_heads": 3}, "query heads, not a multiple"),
    ("gemma-4-e2b", {"audio_config.subsampling_conv_channels": [128]}, "subsampling_conv_channels"),
    ("gemma-4-e2b", {"audio_config.num_attention_heads": 7}, "not a multiple of its 7"),
    ("gemma-3n-e2b", {"vision_config.architecture": "mobilenetv5_base"}, "mobilenetv5_base"),
    ("gemma-3n-e2b", {"audio_config.conf_num_attention_heads": 7}, "not a multiple of its 7"),
    ("gemma-3n-e2b", {"audio_config.sscp_conv_kernel_size": [[5, 5], [3, 3]]}, "subsampling"),
    ("granite-4.0-h-small", {"layer_types": ["mamba"] * 39 + ["linear"]}, "layers of type 'linear'"),
    ("idefics3-8b", {"vision_config.use_base_siglip": True}, "use_base_siglip"),
    ("internvl3-1b", {"downsample_ratio": 2}, "downsample_ratio"),
    ("internvl3-1b", {"vision_config.image_size": [448, 224]}, "which is not square"),
    ("internvl3-1b", {"vision_config.norm_type": "batch_norm"}, "norm_type = 'batch_norm'"),
    ("jamba-v0.1", {"mamba_inner_layernorms": False}, "switches mamba_inner_layernorms off"),
    ("jetmoe-8b", {"glu": False}, "switches bias or glu off"),
    ("kimi-k2.5", {"vision_config.merge_kernel_size": [2]}, "merge_kernel_size"),
    ("kimi-k2.5", {"vision_config.mm_projector_type": "linear"}, "mm_projector_type"),
    ("kimi-k3", {"vision_config.qkv_hidden_size": 1001}, "qkv_hidden_size"),
    ("kimi-linear-48b-a3b", {"moe_layer_freq": 2}, "moe_layer_freq"),
    ("kimi-linear-48b-a3b", {"linear_attn_config.kda_layers": [1, 2]}, "does not name each layer"),
    ("lfm2-1.2b", {"block_ffn_dim_multiplier": 1.5}, "block_ffn_dim_multiplier"),
    ("lfm2-1.2b", {"layer_types": ["conv"] * 15 + ["mamba"]}, "layers of type 'mamba'"),
    ("llama-4-scout", {"text_config.no_rope_layers": [1]}, "no_rope_layers"),
    ("llama-4-scout", {"text_config.layer_types": ["mamba"] * 48}, "layers of type 'mamba'"),
    ("longcat-flash", {"zero_expert_type": "copy"}, "idle experts"),
    ("longcat-flash", {"num_hidden_layers": 30}, "num_hidden_layers"),
    ("longcat-flash", {"router_bias": True}, "bias in its router"),
    ("mimo-v2-flash", {"n_shared_experts": 1}, "shared experts"),
    ("mimo-v2-flash", {"moe_layer_freq": [1, 0]}, "moe_layer_freq"),
    ("minimax-text-01", {"shared_intermediate_size": 64}, "shared expert"),
    ("minimax-text-01", {"attn_type_list": [1, 0]}, "attn_type_list"),
    ("minimax-text-01", {"layer_types": ["mamba"] * 80}, "layers of type 'mamba'"),
    ("minimax-m2", {"qk_norm_type": "per_head"}, "normalises queries and keys"),
    ("minimax-m2", {"shared_intermediate_size": 64}, "shared expert"),
    ("minimax-m2", {"attn_type_list": [0] * 62}, "linear attention"),
    ("minimax-m3", {"text_config.n_shared_experts": 2}, "another number of shared experts"),
    ("minimax-m3", {"text_config.moe_layer_freq": [1, 1]}, "moe_layer_freq"),
    ("minimax-m3", {"text_config.sparse_attention_config.sparse_attention_freq": [1, 1]}, "sparse_attention_freq"),
    ("modernbert-base", {"architectures": ["ModernBertForCausalLM"]}, "is a ModernBertForCausalLM"),
    ("moonshine-tiny", {"architectures": ["MoonshineForCTC"]}, "is a MoonshineForCTC"),
    ("all-mpnet-base-v2", {"architectures": ["MPNetForCausalLM"]}, "is a MPNetForCausalLM"),
    ("mpt-7b", {"attn_config.attn_type": "multiquery_attention"}, "multiquery_attention"),
    ("nemotron-h-8b", {"num_hidden_layers": 3}, "num_hidden_layers"),
    (
        "nemotron-h-8b",
        {"hybrid_override_pattern": GONE, "num_hidden_layers": 2, "layer_types": ["mamba", "rnn"]},
        "layers of type 'rnn'",
    ),
    ("nomic-embed-text-v1.5", {"activation_function": "gelu"}, "MLPs without a gate"),
    ("nomic-embed-text-v1.5", {"mlp_fc1_bias": True}, "other norms or MLPs"),
    ("nomic-embed-text-v1.5", {"rotary_emb_fraction": 0.0}, "learned positions"),
    ("nomic-embed-text-v1.5", {"architectures": ["NomicBertForMultipleChoice"]}, "NomicBertForMultipleChoice"),
    ("openelm-270m", {"num_query_heads": [12]}, "num_query_heads"),
    ("openelm-270m", {"num_query_heads": [13] * 16}, "not a multiple"),
    ("openelm-270m", {"normalization_layer_name": "layer_norm"}, "layer_norm norms"),
    ("openelm-270m", {"ffn_multipliers": [0.5, "wide"]}, "not a list of numbers"),
    ("openelm-270m", {"ffn_multipliers": [0.5]}, "1 entries in ffn_multipliers"),
    ("llama-3.3-nemotron-super-49b", {"block_configs": "all alike"}, "block_configs"),
    ("llama-3.3-nemotron-super-49b", {"block_configs": [{}]}, "1 entries in block_configs"),
    ("step-3.7-flash", {"vision_config.mlp_ratio": "wide"}, "mlp_ratio"),
    ("clip-vit-base-patch32", {"architectures": ["CLIPVisionModel"]}, "a part of the model"),
    ("qwen3-next-80b-a3b", {"layer_types": ["mamba"] * 48}, "layers of type 'mamba'"),
    ("qwen3.5-35b-a3b", {"text_config.mlp_only_layers": [0]}, "mlp_only_layers"),
    ("recurrentgemma-2b", {"block_types": ["mamba"]}, "block_types"),
    ("sam-vit-base", {"architectures": ["SamVisionModel"]}, "is a SamVisionModel"),
    ("sam-vit-base", {"vision_config.mlp_ratio": 0}, "mlp_ratio"),
    ("siglip-base-patch16-224", {"architectures": ["SiglipForCausalLM"]}, "is a SiglipForCausalLM"),
    ("stablelm-2-1.6b", {"head_dim": 32}, "which do not make its"),
    ("starcoder2-7b", {"norm_type": "rms_norm"}, "norm_type"),
    ("step-3.5-flash", {"mlp_layer_types": ["dense"]}, "mlp_layer_types"),
    ("wav2vec2-base", {"conv_kernel": [10, 3]}, "kernels of"),
    ("wav2vec2-base", {"feat_extract_norm": "batch"}, "feat_extract_norm"),
    ("wav2vec2-base", {"mask_time_prob": "often"}, "mask_time_prob"),
    ("zamba2-1.2b", {"use_shared_mlp_adapter": False}, "use_shared_mlp_adapter"),
    ("zamba2-1.2b", {"layers_block_type": ["rnn"] * 38}, "layers of type 'rnn'"),
]  # fmt: skip


def changed(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The config of a catalogue model with values at dotted keys changed."""
    config: dict[str, Any] = deepcopy(catalogue.entry(name).config or {})
    for dotted, value in changes.items():
        *within, key = dotted.split(".")
        part = config
        for step in within:
            part = part.setdefault(step, {})
        if value is GONE:
            del part[key]
        else:
            part[key] = value
    return config


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_the_published_file_is_read(name: str) -> None:
    from_config(changed(name, {}), "a file")


@pytest.mark.parametrize(
    ("name", "changes", "said"), ROWS, ids=[f"{row[0]} {'+'.join(row[1])} {row[2]}" for row in ROWS]
)
def test_what_is_not_counted_is_refused(name: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LlmscaleError) as caught:
        from_config(changed(name, changes), "a file")
    assert said in caught.value.message
