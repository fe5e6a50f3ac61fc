"""LLaMA (arXiv:2302.13971) and the many models of exactly its shape.

Defaults follow transformers 5.23 `LlamaConfig`, `MistralConfig`, `Ministral3Config` and `GraniteConfig`: no
biases unless ``attention_bias`` or ``mlp_bias`` say so, head not tied, as many KV heads as heads (the Mistrals: 8).
Mistral 7B v0.1 slides a window over every layer; Ministral and SmolLM3 name theirs in ``layer_types``.
Granite only scales LLaMA's activations. Families that differ by a bias or a norm have modules of their own.
"""

from __future__ import annotations

from llmscale.model.families._config import Config
from llmscale.model.families._llama import Variant, build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("llama", "mistral", "Yi", "yi", "aquila", "xverse", "smollm3", "ministral", "ministral3", "granite")
#: model_type -> window where a file leaves it out
DEFAULT_WINDOW = {"mistral": 4096, "ministral": 4096}
#: model_type -> KV heads and head dimension where a file leaves them out
DEFAULT_HEADS: dict[str, tuple[int, int | None]] = {
    "mistral": (8, None),
    "ministral": (8, None),
    "ministral3": (8, 128),
    "smollm3": (4, None),
}


def read(c: Config) -> ModelSpec:
    """Read a LLaMA-shaped config."""
    c.ignore("no_rope_layers", "no_rope_layer_interval", "use_sliding_window", "max_window_layers")
    bias = c.flag("attention_bias")
    kv_heads, head_dim = DEFAULT_HEADS.get(c.model_type, (None, None))
    variant = Variant(
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=c.flag("mlp_bias"),
        tied=c.model_type == "smollm3",
        kv_heads=kv_heads,
        head_dim=head_dim,
        window=DEFAULT_WINDOW.get(c.model_type),
    )
    return build(c, variant)
