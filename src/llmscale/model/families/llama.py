"""LLaMA (arXiv:2302.13971) and the many models of exactly its shape.

Defaults follow transformers 5.23 `LlamaConfig`, `MistralConfig`, `Ministral3Config` and `GraniteConfig`: no
biases unless ``attention_bias`` or ``mlp_bias`` say so, head not tied, as many KV heads as heads (the Mistrals: 8).
Mistral 7B v0.1 slides a window over every layer; Ministral and SmolLM3 name theirs in ``layer_types``.
Granite only scales LLaMA's activations. Families that differ by a bias or a norm call `build` with the difference.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import QKVO, Attention
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
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
    return build(
        c,
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=c.flag("mlp_bias"),
        tied=c.model_type == "smollm3",
        kv_heads=kv_heads,
        head_dim=head_dim,
    )


def build(
    c: Config,
    *,
    qkv_bias: bool = False,
    out_bias: bool = False,
    mlp_bias: bool = False,
    layer_norm: bool = False,
    qk_norm_names: tuple[str, str] | None = None,
    attention_names: tuple[str, ...] = QKVO,
    plain_mlp: tuple[str, str] | None = None,
    tied: bool = False,
    kv_heads: int | None = None,
    head_dim: int | None = None,
) -> ModelSpec:
    """A LLaMA-shaped model with these differences.

    Args:
        plain_mlp: names of the two matrices of an MLP without a gate.
        tied: the default of ``tie_word_embeddings``.
        kv_heads, head_dim: what a file means that leaves them out; None for as many as heads, and hidden / heads.
    """
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=kv_heads, head_dim=head_dim)
    mlp = Mlp(hidden, intermediate, plain_mlp, mlp_bias) if plain_mlp else GatedMlp(hidden, intermediate, bias=mlp_bias)
    norm = Norm(hidden, bias=layer_norm)

    def blocks(window: int | None) -> Iterator[Named]:
        attention = Attention(
            hidden,
            heads,
            kv_heads,
            head_dim,
            names=attention_names,
            qkv_bias=qkv_bias,
            out_bias=out_bias,
            qk_norm=(head_dim, head_dim) if qk_norm_names else None,
            qk_norm_names=qk_norm_names or ("q_norm", "k_norm"),
            window=window,
        )
        yield "input_layernorm", norm
        yield "self_attn", attention
        yield "post_attention_layernorm", norm
        yield "mlp", mlp

    tied = c.flag("tie_word_embeddings", default=tied)
    sliding = windows(c, layers, default=DEFAULT_WINDOW.get(c.model_type))
    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=norm, tied=tied)
    context = c.positions("max_position_embeddings", "model_max_length", "max_sequence_length")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)
