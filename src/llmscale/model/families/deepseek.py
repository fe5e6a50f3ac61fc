"""DeepSeek V2 (arXiv:2405.04434), V3 and R1 (arXiv:2412.19437), Kimi K2 (arXiv:2507.20534), and DeepSeekMoE.

Multi-head latent attention (plain attention in the first DeepSeekMoE, ``deepseek``); after ``first_k_dense_replace``
dense layers every ``moe_layer_freq``-th is a mixture with shared experts. V3's router adds a correction bias
(``topk_method`` noaux_tc), a buffer in transformers but part of the published checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import Block, ModelSpec

MODEL_TYPES = ("deepseek", "deepseek_v2", "deepseek_v3", "kimi_k2")
#: model_type -> topk_method where a file leaves it out
TOPK_METHOD = {"deepseek": "greedy", "deepseek_v2": "greedy"}


def read(c: Config) -> ModelSpec:
    """Read a DeepSeek or Kimi K2 config."""
    return build(c)


def build(c: Config, indexers: Sequence[Indexer | None] = (), dense: int = 0, shared_experts: int = 0) -> ModelSpec:
    """A DeepSeek-shaped model.

    Args:
        indexers: what chooses each layer's tokens, None where a layer takes another's choice; empty without.
        dense, shared_experts: defaults of ``first_k_dense_replace`` and ``n_shared_experts``.
    """
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    dense_width = c.hidden("intermediate_size")
    attention = _attention(c, hidden)

    experts = c.number("n_routed_experts", "num_local_experts", default=0, low=0, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts) if experts else 0
    width = c.hidden("moe_intermediate_size") if experts else 0
    shared = width * c.number("n_shared_experts", default=shared_experts, low=0, high=MAX_EXPERTS)
    dense = c.number("first_k_dense_replace", default=dense, low=0, high=MAX_LAYERS)
    frequency = c.number("moe_layer_freq", default=1, high=MAX_LAYERS)
    noaux = c.text("topk_method", TOPK_METHOD.get(c.model_type, "noaux_tc")) == "noaux_tc"

    def blocks(kind: tuple[bool, Indexer | None]) -> Iterator[Named]:
        sparse, indexer = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        if indexer:
            yield "self_attn.indexer", indexer
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            correction = "gate.e_score_correction_bias" if noaux else None
            yield "mlp", MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction)
        else:
            yield "mlp", GatedMlp(hidden, dense_width)

    sparse = [experts > 0 and layer >= dense and layer % frequency == 0 for layer in range(layers)]
    if (types := c.words("mlp_layer_types", layers)) is not None and [kind == "sparse" for kind in types] != sparse:
        raise c.error("has mlp_layer_types that contradict its first_k_dense_replace")
    kinds = list(zip(sparse, indexers or [None] * layers, strict=True))
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(used * width + shared, 0 if all(sparse) else dense_width),
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
    return LatentAttention(
        hidden,
        heads=c.number("num_attention_heads", high=MAX_HEADS),
        q_rank=c.number("q_lora_rank", default=None),
        kv_rank=c.number("kv_lora_rank"),
        nope=c.number("qk_nope_head_dim", high=MAX_HEADS),
        rope=c.number("qk_rope_head_dim", high=MAX_HEADS),
        v_head=c.number("v_head_dim", high=MAX_HEADS),
        bias=bias,
    )
