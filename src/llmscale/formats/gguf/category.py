"""What a tensor is to `llama-quantize`, by its name, and whether it is quantised at all.

Source: src/llama-quant.cpp of llama.cpp 0c1e57098 (`tensor_allows_quantization`, and the categories of its rules).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

#: Parts of names of tensors that stay as the converter left them.
KEPT_PARTS = (
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    "attn_rel_b.weight",
    ".position_embd",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
)
KEPT_NAMES = ("position_embd.weight", "token_types.weight")


class Category(Enum):
    """What a tensor is to llama-quantize."""

    OUTPUT = "output"
    EMBEDDING = "embedding"
    VALUE = "value"  # attention's V, or what is fused with it
    FUSED = "fused"  # Q, K and V in one: a V first of all
    KEY = "key"
    QUERY = "query"
    ATTENTION_OUTPUT = "attention output"
    UP = "up"
    GATE = "gate"
    DOWN = "down"
    OTHER = "other"


#: Part of a name to its category, the first that is found; the whole name for the first three.
_WHOLE = {
    "output.weight": Category.OUTPUT,
    "token_embd.weight": Category.EMBEDDING,
    "per_layer_token_embd.weight": Category.EMBEDDING,
}
_PARTS = (
    ("attn_qkv.weight", Category.FUSED),
    ("attn_kv_b.weight", Category.VALUE),
    ("attn_v.weight", Category.VALUE),
    ("attn_k.weight", Category.KEY),
    ("attn_q.weight", Category.QUERY),
    ("attn_output.weight", Category.ATTENTION_OUTPUT),
    ("ffn_up", Category.UP),
    ("ffn_gate", Category.GATE),
    ("ffn_down", Category.DOWN),
)
#: Categories whose type depends on where a tensor stands; V and what is fused with it count together.
COUNTED = {
    Category.VALUE: "value",
    Category.FUSED: "value",
    Category.UP: "up",
    Category.GATE: "gate",
    Category.DOWN: "down",
}


def category(name: str) -> Category:
    """The category of a tensor by its GGUF name."""
    if name in _WHOLE:
        return _WHOLE[name]
    return next((kind for part, kind in _PARTS if part in name), Category.OTHER)


def quantised(name: str, shape: Iterable[int]) -> bool:
    """Whether llama-quantize touches it at all: matrices named ``…weight`` that are no norm, router or convolution."""
    matrix = any(size > 1 for size in tuple(shape)[:-1])
    return (
        matrix and name.endswith("weight") and name not in KEPT_NAMES and not any(part in name for part in KEPT_PARTS)
    )
