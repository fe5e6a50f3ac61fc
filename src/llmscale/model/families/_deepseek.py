"""DeepSeek's shape: latent attention, a few dense layers, then mixtures of experts with shared ones.

After ``first_k_dense_replace`` dense layers every ``moe_layer_freq``-th is a mixture. V3's router adds a correction
bias (``topk_method`` noaux_tc), a buffer in transformers but part of the published checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.model.blocks.attention import Attention, Indexer
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._latent import latent_attention
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import Block, ModelSpec

#: model_type -> topk_method where a file leaves it out
TOPK_METHOD = {"deepseek": "greedy", "deepseek_v2": "greedy", "mistral4": "greedy"}


def build(c: Config, indexers: Sequence[Indexer | None] = (), dense: int = 0, shared_experts: int = 0) -> ModelSpec:
    """A DeepSeek-shaped model.

    Args:
        indexers: what chooses each layer's tokens, None where a layer takes another's choice; empty without.
        dense, shared_experts: defaults of ``first_k_dense_replace`` and ``n_shared_experts``.
    """
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    dense_width = c.hidden("intermediate_size")
    attention = _attention(c, hidden)

    mixture = _mixture(c, hidden, shared_experts)
    sparse = _sparse(c, layers, bool(mixture), dense)

    def blocks(kind: tuple[bool, Indexer | None]) -> Iterator[Named]:
        sparse, indexer = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        if indexer:
            yield "self_attn.indexer", indexer
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if mixture and sparse else GatedMlp(hidden, dense_width)

    kinds = list(zip(sparse, indexers or [None] * layers, strict=True))
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest if mixture else 0, 0 if all(sparse) else dense_width),
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _attention(c: Config, hidden: int) -> Block:
    bias = c.flag("attention_bias")
    if c.model_type == "deepseek":
        heads, kv_heads, head_dim = c.heads(hidden)
        return Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
    c.ignore("num_key_value_heads", "qk_head_dim", "head_dim")
    return latent_attention(c, hidden)


def _mixture(c: Config, hidden: int, shared_experts: int) -> MixtureOfExperts | None:
    experts = c.number("n_routed_experts", "num_local_experts", default=0, low=0, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts) if experts else 0
    width = c.hidden("moe_intermediate_size") if experts else 0
    shared = width * c.number("n_shared_experts", default=shared_experts, low=0, high=MAX_EXPERTS)
    method = c.text("topk_method", TOPK_METHOD.get(c.model_type, "noaux_tc"))
    correction = "gate.e_score_correction_bias" if method == "noaux_tc" else None
    return MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction) if experts else None


def _sparse(c: Config, layers: int, mixture: bool, dense: int) -> list[bool]:
    """Which layers are mixtures of experts."""
    dense = c.number("first_k_dense_replace", default=dense, low=0, high=MAX_LAYERS)
    frequency = c.number("moe_layer_freq", default=1, high=MAX_LAYERS)
    sparse = [mixture and layer >= dense and layer % frequency == 0 for layer in range(layers)]
    if (types := c.words("mlp_layer_types", layers)) is None:
        return sparse
    named = [mixture and kind == "sparse" for kind in types]
    if named != sparse and c.get("first_k_dense_replace") is not None:
        raise c.error("has mlp_layer_types that contradict its first_k_dense_replace")
    return named
