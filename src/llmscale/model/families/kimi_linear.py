"""Kimi Linear (arXiv:2510.26692; transformers 5.23 `KimiLinearConfig`): delta attention with MLA in every fourth layer.

``linear_attn_config`` names both kinds of layers, counted from 1. Mixtures are DeepSeek V3's. Names as in
huggingface.co/moonshotai/Kimi-Linear-48B-A3B-Instruct.

The text of Kimi K3 is of this type too: a gate on MLA's output and one of full rank on delta attention's, routed
experts of a narrower width (``routed_expert_hidden_size``) with a norm, and weights of earlier layers' outputs
(``attn_res_block_size``), as mlx-lm 0.32.2 reads them (``mlx_lm/models/kimi_k3.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.linear_attention import KimiDeltaAttention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._latent import latent_attention
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("kimi_linear",)


def read(c: Config) -> ModelSpec:
    """Read a Kimi Linear config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    linear = c.part("linear_attn_config", defaults={})
    linear.ignore("gate_lower_bound", "safe_gate")
    delta, attention = _delta(c, linear, hidden), latent_attention(c, hidden)
    dense_width, mixture = c.hidden("intermediate_size"), _mixture(c, hidden)
    sparse = _sparse(c, layers)
    if c.number("moe_layer_freq", default=1) != 1:
        raise c.unsupported("has dense layers between its mixtures (moe_layer_freq)")
    c.ignore("num_key_value_heads", "head_dim", "mla_use_nope", "moe_renormalize", "moe_router_activation_func")
    c.ignore("num_expert_group", "use_grouped_topk", "qk_head_dim", "activation_situ_beta")
    c.ignore("activation_situ_linear_beta")
    gated, normed = c.flag("mla_use_output_gate"), mixture.latent and c.flag("latent_moe_use_norm")
    residual = c.number("attn_res_block_size", default=0, low=0, high=MAX_LAYERS) > 0
    weight: list[Named] = [("res_proj", Linear("other.residual", 1, hidden)), ("res_norm", Norm(hidden))]

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        attends, sparse = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention if attends else delta
        if attends and gated:
            yield "self_attn.g_proj", Linear("attention.gate", attention.heads * attention.v_head, hidden)
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            yield "block_sparse_moe", mixture
            if normed:
                yield "block_sparse_moe.routed_expert_norm", Norm(mixture.latent or hidden)
        else:
            yield "mlp", GatedMlp(hidden, dense_width)
        if residual:
            yield from ((f"{at}_{name}", block) for at in ("self_attention", "mlp") for name, block in weight)

    kinds = list(zip(_attends(c, linear, layers), sparse, strict=True))
    c.ignore("tie_word_embeddings")  # the class has a head of its own in any case
    after = [(f"output_attn_{name}", block) for name, block in weight] if residual else []
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=False, after=after)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest, 0 if all(sparse) else dense_width),
        vocab=vocab,
        context=c.positions("model_max_length", "max_position_embeddings"),
        warnings=prediction_layers(c),
    )


def _delta(c: Config, linear: Config, hidden: int) -> KimiDeltaAttention:
    """What the published object says stands before the keys that transformers writes."""
    heads = c.number("linear_num_heads", default=32, high=MAX_HEADS)
    head_dim = c.number("linear_head_dim", default=128, high=MAX_HEADS)
    conv = c.number("linear_conv_kernel_dim", default=4)
    return KimiDeltaAttention(
        hidden,
        heads=linear.number("num_heads", default=heads, high=MAX_HEADS),
        head_dim=linear.number("head_dim", default=head_dim, high=MAX_HEADS),
        conv=linear.number("short_conv_kernel_size", default=conv),
        low_rank_gate=not linear.flag("use_full_rank_gate"),
    )


def _sparse(c: Config, layers: int) -> list[bool]:
    """Which layers are mixtures of experts."""
    dense = c.number("first_k_dense_replace", default=1, low=0, high=MAX_LAYERS)
    kinds = c.words("mlp_layer_types", layers)
    return [kind == "sparse" for kind in kinds] if kinds else [layer >= dense for layer in range(layers)]


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    width = c.hidden("moe_intermediate_size")
    experts = c.number("num_experts", "num_local_experts", "n_routed_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_token", "num_experts_per_tok", high=experts)
    shared = width * c.number("num_shared_experts", "n_shared_experts", default=1, low=0, high=MAX_EXPERTS)
    names, correction = ("w1", "w3", "w2"), "gate.e_score_correction_bias"
    return MixtureOfExperts(
        hidden,
        width,
        experts,
        used,
        shared,
        correction_bias=correction,
        expert_names=names,
        latent=c.number("routed_expert_hidden_size", default=None),
        latent_names=("routed_expert_down_proj", "routed_expert_up_proj"),
    )


def _attends(c: Config, linear: Config, layers: int) -> list[bool]:
    """Which layers are attention; the others are delta attention."""
    full, delta = (linear.numbers(key, default=[], high=layers) for key in ("full_attn_layers", "kda_layers"))
    if kinds := c.words("layer_types", layers):
        return [kind == "full_attention" for kind in kinds]
    if not full and not delta:
        return [layer > 0 and layer % 4 == 0 for layer in range(layers)]
    if sorted(full + delta) != list(range(1, layers + 1)):
        raise c.error("has a linear_attn_config that does not name each layer once")
    return [layer + 1 in full for layer in range(layers)]
