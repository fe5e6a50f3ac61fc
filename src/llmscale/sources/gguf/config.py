"""What a GGUF file's metadata say, in the keys of a published ``config.json``, so that it takes the road of one.

The keys of the metadata are those of gguf-py/gguf/constants.py (`Keys`), what converters put into them is
conversion/*.py, llama.cpp 0c1e57098. One object has every family's spelling of a number; a family reads its own.
Whether the model that comes out is the file's is not believed but checked, tensor by tensor (`match`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmscale.records import NamedTuple

Shapes = Mapping[str, tuple[int, ...]]
Config = dict[str, Any]


class Read(NamedTuple):
    """A file as its config is made from it."""

    arch: str
    metadata: Mapping[str, Any]
    shapes: Shapes

    def value(self, key: str) -> Any:
        """What the metadata say under the architecture's name; None where nothing."""
        return self.metadata.get(f"{self.arch}.{key}")

    def number(self, key: str) -> int:
        """A whole number; of a list, one a layer, the largest; 0 where there is none."""
        value = self.value(key)
        if isinstance(value, list):
            value = max((each for each in value if isinstance(each, int)), default=0)
        return value if isinstance(value, int) else 0

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name, in layer 0 or without one."""
        return name in self.shapes or f"blk.0.{name}" in self.shapes

    @property
    def layers(self) -> int:
        """Layers, those for multi-token prediction left out."""
        return max(0, self.number("block_count") - self.number("nextn_predict_layers"))

    @property
    def vocab(self) -> int:
        """Rows of the token embedding."""
        shape = self.shapes.get("token_embd.weight", ())
        return shape[0] if len(shape) == 2 else self.number("vocab_size")


#: Config keys to the key of the metadata that says the same.
SAME = {
    "embedding_length": ("hidden_size", "n_embd"),
    "context_length": ("max_position_embeddings", "n_positions"),
    "feed_forward_length": ("intermediate_size", "n_inner", "ffn_dim"),
    "attention.head_count": ("num_attention_heads", "n_head"),
    "attention.head_count_kv": ("num_key_value_heads", "num_kv_heads", "multi_query_group_num"),
    "attention.key_length": ("head_dim", "attention_head_dim"),
    "attention.sliding_window": ("sliding_window",),
    "expert_count": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "expert_used_count": ("num_experts_per_tok", "moe_k", "moe_topk"),
    "expert_feed_forward_length": ("moe_intermediate_size",),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size", "shared_intermediate_size"),
    "expert_shared_count": ("n_shared_experts", "moe_num_shared_experts", "num_shared_expert"),
    "leading_dense_block_count": ("first_k_dense_replace", "moe_layer_start_index"),
    "attention.q_lora_rank": ("q_lora_rank",),
    "attention.kv_lora_rank": ("kv_lora_rank",),
    "ssm.state_size": ("state_size",),
    "ssm.conv_kernel": ("conv_kernel",),
    "ssm.time_step_rank": ("time_step_rank",),
}


def config_of(read: Read, model_type: str) -> Config:
    """The config of the model if it is of that type."""
    config: Config = {"model_type": model_type, "num_hidden_layers": read.layers, "n_layer": read.layers}
    config |= {"num_layers": read.layers, "vocab_size": read.vocab}
    for key, names in SAME.items():
        if value := read.number(key):
            config |= dict.fromkeys(names, value)
    bias = read.has("attn_q.bias") or read.has("attn_qkv.bias")
    config |= {
        "tie_word_embeddings": not read.has("output.weight"),
        "attention_bias": bias,
        "use_qkv_bias": bias,
        "lm_head_bias": read.has("output.bias"),
        "mlp_bias": read.has("ffn_up.bias"),
        "use_bias": read.has("ffn_up.bias"),
        "use_qk_norm": read.has("attn_q_norm.weight"),
        "qk_layernorm": read.has("attn_q_norm.weight"),
    }
    config |= _scaling(read)
    if kinds := _layer_types(read):
        config["layer_types"] = kinds
    more = MORE.get(model_type)
    return config | more(read) if more else config


def _scaling(read: Read) -> Config:
    """That rotary positions are stretched, as far as it changes the file."""
    if read.has("rope_freqs.weight"):
        return {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}
    if read.has("rope_factors_long.weight"):
        return {"rope_scaling": {"type": "longrope"}}
    return {}


def _layer_types(read: Read) -> list[str]:
    """Which layers have a window, where the metadata say so layer by layer."""
    if not read.number("attention.sliding_window"):
        return ["full_attention"] * read.layers
    pattern = read.value("attention.sliding_window_pattern")
    if not isinstance(pattern, list) or len(pattern) != read.layers:
        return []
    return ["sliding_attention" if windowed else "full_attention" for windowed in pattern]


def _latent(read: Read) -> Config:
    """DeepSeek's attention: heads without and with rotary position, and of values."""
    key = read.number("attention.key_length_mla") or read.number("attention.key_length")
    value = read.number("attention.value_length_mla") or read.number("attention.value_length")
    rope = read.number("rope.dimension_count")
    heads = read.number("attention.head_count")
    shape = {"qk_rope_head_dim": rope, "qk_nope_head_dim": key - rope, "v_head_dim": value, "head_dim": None}
    return shape | {"num_key_value_heads": heads, "q_lora_rank": read.number("attention.q_lora_rank") or None}


def _falcon(read: Read) -> Config:
    kv, norms = read.number("attention.head_count_kv"), read.has("attn_norm_2.weight")
    return {"new_decoder_architecture": norms, "multi_query": kv == 1, "parallel_attn": True, "bias": False}


def _neox(read: Read) -> Config:
    return {"attention_bias": True}


def _plain(read: Read) -> Config:
    """Experts of the feed-forward's own width, under the key of all feed-forwards."""
    width = read.number("expert_feed_forward_length") or read.number("feed_forward_length")
    return {"intermediate_size": width}


def _mamba(read: Read) -> Config:
    return {"intermediate_size": read.number("ssm.inner_size"), "d_inner": read.number("ssm.inner_size")}


#: What a type's config says besides.
MORE: dict[str, Callable[[Read], Config]] = {
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "kimi_k2"), _latent),
    "falcon": _falcon,
    "gpt_neox": _neox,
    **dict.fromkeys(("gpt_oss", "minimax_m2", "mixtral", "granitemoe", "olmoe", "phimoe"), _plain),
    **dict.fromkeys(("mamba", "falcon_mamba"), _mamba),
}
#: Architectures of which not the table `gguf_names` says which model types they stand for, the likeliest first.
TYPES: dict[str, tuple[str, ...]] = {
    "llama": ("llama", "mixtral"),
    "qwen3vl": ("qwen3",),
    "qwen3vlmoe": ("qwen3_moe",),
    "qwen2vl": ("qwen2",),
    "mistral3": ("ministral3",),
    "gemma3": ("gemma3_text",),
    "deepseek2": ("deepseek_v3", "deepseek_v2"),
    "olmo2": ("olmo2", "olmo3"),
}
