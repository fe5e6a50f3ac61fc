"""GLM-4.5 and 4.6 (arXiv:2508.06471; transformers 5.23 `Glm4MoeConfig`): GQA and DeepSeek's mixture of experts."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("glm4_moe", "glm4v_moe_text")


def read(c: Config) -> ModelSpec:
    """Read a GLM-4.5 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    bias = c.flag("attention_bias")
    qk_norm = (head_dim, head_dim) if c.flag("use_qk_norm") else None
    dense_width = c.hidden("intermediate_size")
    experts = c.number("n_routed_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    shared = width * c.number("n_shared_experts", default=1, low=0, high=MAX_EXPERTS)
    dense = c.number("first_k_dense_replace", default=1, low=0, high=MAX_LAYERS)

    def blocks(sparse: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, qk_norm=qk_norm)
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            correction = "gate.e_score_correction_bias"
            yield "mlp", MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction)
        else:
            yield "mlp", GatedMlp(hidden, dense_width)

    sparse = [layer >= dense for layer in range(layers)]
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, sparse, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=used * width + shared,
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )
