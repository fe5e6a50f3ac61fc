"""dots.llm1 (arXiv:2506.05767; transformers 5.23 `Dots1Config`): normalised queries and keys, DeepSeek's mixtures.

From layer ``max_window_layers`` on layers slide when ``sliding_window`` is set; the published files set none.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("dots1",)


def read(c: Config) -> ModelSpec:
    """Read a dots.llm1 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=32)
    bias = c.flag("attention_bias")
    dense_width, mixture = c.hidden("intermediate_size"), _mixture(c, hidden)
    dense = c.number("first_k_dense_replace", default=0, low=0, high=MAX_LAYERS)
    if c.number("moe_layer_freq", default=1) != 1:
        raise c.unsupported("has dense layers between its mixtures (moe_layer_freq)")
    first = c.number("max_window_layers", default=62, low=0, high=MAX_LAYERS)
    c.ignore("use_sliding_window", "attention_type")

    def blocks(kind: tuple[int | None, bool]) -> Iterator[Named]:
        window, sparse = kind
        yield "input_layernorm", Norm(hidden)
        norms = (head_dim, head_dim)
        attention = Attention(
            hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=norms, window=window
        )
        yield "self_attn", attention
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    named = c.get("layer_types") is not None
    kinds = [
        (window if named or layer >= first else None, layer >= dense) for layer, window in enumerate(windows(c, layers))
    ]
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest, dense_width if dense else 0),
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    width = c.hidden("moe_intermediate_size")
    experts = c.number("n_routed_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    shared = width * c.number("n_shared_experts", default=0, low=0, high=MAX_EXPERTS)
    return MixtureOfExperts(hidden, width, experts, used, shared, correction_bias="gate.e_score_correction_bias")
