"""LongCat-Flash (arXiv:2509.01322; transformers 5.23 `LongcatFlashConfig`): two MLAs, two MLPs and one mixture a layer.

Some experts (``zero_expert_num``) do nothing: the router chooses among them too, but they have no weights (transformers
5.23 allocates gate and up for them, the published checkpoint, 560 B, has none). So a token uses at most ``moe_topk``.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._latent import latent_attention
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("longcat_flash",)


def read(c: Config) -> ModelSpec:
    """Read a LongCat-Flash config."""
    hidden, layers, vocab = c.hidden(), c.layers("num_layers"), c.vocab()
    attention = latent_attention(c, hidden)
    dense_width = c.hidden("ffn_hidden_size", "intermediate_size")
    moe = _mixture(c, hidden)
    if c.text("zero_expert_type", "identity") != "identity" or c.text("attention_method", "MLA") != "MLA":
        raise c.unsupported("has other idle experts than identities, or other attention than MLA")
    if c.number("num_hidden_layers", default=2 * layers, high=2 * MAX_LAYERS) not in (layers, 2 * layers):
        raise c.error(f"has num_hidden_layers that are neither {layers} nor twice that")
    c.ignore("mla_scale_q_lora", "mla_scale_kv_lora", "num_key_value_heads", "qk_head_dim", "head_dim")

    def blocks(_: None) -> Iterator[Named]:
        for half in (0, 1):
            yield f"input_layernorm.{half}", Norm(hidden)
            yield f"self_attn.{half}", attention
            yield f"post_attention_layernorm.{half}", Norm(hidden)
            if half == 0:
                yield "mlp", moe
            yield f"mlps.{half}", GatedMlp(hidden, dense_width)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=2 * layers,
        hidden=hidden,
        intermediate=max(moe.widest, dense_width),
        vocab=vocab,
        context=c.positions(),
        warnings=(*_idling(moe), *prediction_layers(c)),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    width = c.hidden("expert_ffn_hidden_size", "moe_intermediate_size")
    experts = c.number("n_routed_experts", high=MAX_EXPERTS)
    used = c.number("moe_topk", "num_experts_per_tok", high=experts)
    idle = c.number("zero_expert_num", default=256, low=0, high=MAX_EXPERTS)
    if c.flag("router_bias"):
        raise c.unsupported("has a bias in its router")
    correction = "router.e_score_correction_bias"
    return MixtureOfExperts(
        hidden, width, experts, used, router="router.classifier", correction_bias=correction, idle=idle
    )


def _idling(moe: MixtureOfExperts) -> tuple[str, ...]:
    """A word on experts that do nothing."""
    if not moe.idle:
        return ()
    return (
        f"A token uses fewer than {moe.used} experts where its router chooses idle ones; active counts all {moe.used}.",
    )
