"""GLM-5.3-Flash (transformers 5.24 `Glm5NextConfig`) and Ling 3 (`BailingHybridConfig`): delta attention and MLA.

Three layers of four (five of six in Ling) are Kimi's delta attention, the others multi-head latent attention. GLM's
choose tokens with an indexer over pools and mix copies of the residual (hyper-connections), behind GLM-OCR's tower;
Ling's have one matrix for queries and a gate a head. Names as in the published files, with experts apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import PoolIndexer
from llmscale.model.blocks.compressed import HyperConnection
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.linear_attention import KimiDeltaAttention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._glm_tower import plain_tower
from llmscale.model.families._latent import latent_attention
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("glm5_next", "glm5_next_text", "bailing_hybrid")
#: model_type -> layers of a group, the last of which is latent attention; dense layers before the mixtures
GROUP = {"glm5_next_text": 4, "bailing_hybrid": 6}
DENSE = {"glm5_next_text": 3, "bailing_hybrid": 2}


def read(c: Config) -> ModelSpec:
    """Read a GLM-5.3-Flash or Ling 3 config, of the whole model or of its text part alone."""
    if c.model_type != "glm5_next":
        return _text(c)
    text = text_part(c, "model.language_model.", tied=tied(c), model_type="glm5_next_text", head_prefix="")
    return whole(c, text, plain_tower(c.part("vision_config", "model.visual.", defaults={})))


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    glm = c.model_type == "glm5_next_text"
    delta, attention, mixture = _delta(c, hidden, glm), latent_attention(c, hidden), _mixture(c, hidden)
    dense_width = c.hidden("intermediate_size")
    streams = c.number("hc_mult", default=4, high=MAX_HEADS) if glm else 0
    indexer = _indexer(c, hidden) if glm else None
    owns = _owns(c, layers) if glm else [False] * layers
    c.ignore("num_key_value_heads", "qk_head_dim", "head_dim", "hc_sinkhorn_iters", "swiglu_limit", "index_topk")
    c.ignore("index_kpool_always_select_tail", "linear_lower_bound", "kda_safe_gate", "kda_lower_bound")
    c.ignore("mtp_loss_scaling_factor", "moe_layer_freq", "group_norm_size", "moe_renormalize", "num_expert_group")

    def blocks(kind: tuple[bool, bool, bool]) -> Iterator[Named]:
        attends, sparse, own = kind
        if streams:
            yield "attn_hc", HyperConnection(hidden, streams)
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention if attends else delta
        if attends and indexer and own:
            yield "self_attn.indexer", indexer
        if attends and not glm:
            yield "self_attn.g_proj", Linear("attention.gate", attention.heads, hidden)
        if streams:
            yield "ffn_hc", HyperConnection(hidden, streams)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    sparse = _sparse(c, layers)
    kinds = list(zip(_attends(c, layers), sparse, owns, strict=True))
    closed = c.flag("tie_word_embeddings") and glm  # Ling's class has nothing that it could tie
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=closed)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest, 0 if all(sparse) else dense_width),
        vocab=vocab,
        context=c.positions("max_position_embeddings", "model_max_length"),
        warnings=prediction_layers(c, "num_nextn_predict_layers", "num_mtp_layers"),
    )


def _delta(c: Config, hidden: int, glm: bool) -> KimiDeltaAttention:
    if not glm:
        if c.get("short_conv_kernel_size") is None:
            raise c.unsupported("names no short_conv_kernel_size, so that its linear layers are not Ling 3's")
        heads = c.number("linear_num_heads", default=c.number("num_attention_heads"), high=MAX_HEADS)
        # Where transformers has written the file, ``head_dim`` is that of the other layers.
        head_dim = c.number("linear_head_dim", default=c.number("head_dim", default=128), high=MAX_HEADS)
        conv = c.number("linear_conv_kernel_dim", "short_conv_kernel_size")
        return KimiDeltaAttention(
            hidden, heads, head_dim, conv, low_rank_decay=False, low_rank_gate=False, decays=(heads,)
        )
    given = c.part("linear_attn_config", defaults={})
    given.ignore("gate_lower_bound", "safe_gate", "kda_layers", "full_attn_layers")
    heads = c.number("linear_num_heads", default=64, high=MAX_HEADS)
    heads = given.number("num_heads", default=heads, high=MAX_HEADS)
    head_dim = given.number("head_dim", default=c.number("linear_head_dim", default=128), high=MAX_HEADS)
    conv = given.number("short_conv_kernel_size", default=c.number("linear_conv_kernel_dim", default=4))
    return KimiDeltaAttention(hidden, heads, head_dim, conv, decays=(heads,))


def _indexer(c: Config, hidden: int) -> PoolIndexer:
    heads, head_dim = c.number("index_n_heads", high=MAX_HEADS), c.number("index_head_dim", high=MAX_HEADS)
    return PoolIndexer(hidden, c.number("q_lora_rank"), heads, head_dim, c.number("index_kpool", default=16))


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("n_routed_experts", "num_local_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", "num_experts_per_token", high=experts)
    width = c.hidden("moe_intermediate_size")
    shared = width * c.number("n_shared_experts", "num_shared_experts", default=1, low=0, high=MAX_EXPERTS)
    correction = "gate.e_score_correction_bias"
    return MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction)


def _attends(c: Config, layers: int) -> list[bool]:
    """Which layers are latent attention; the others are delta attention."""
    kinds = c.words("layer_types", layers)
    group = c.number("layer_group_size", default=GROUP[c.model_type], high=MAX_LAYERS)
    if kinds:
        return [kind != "linear_attention" for kind in kinds]
    return [(layer + 1) % group == 0 for layer in range(layers)]


def _sparse(c: Config, layers: int) -> list[bool]:
    """Which layers are mixtures of experts."""
    kinds = c.words("mlp_layer_types", layers)
    dense = DENSE[c.model_type]
    if c.model_type == "bailing_hybrid":
        dense = c.number("first_k_dense_replace", default=dense, low=0, high=MAX_LAYERS)
    else:
        c.ignore("first_k_dense_replace")
    return [kind == "sparse" for kind in kinds] if kinds else [layer >= dense for layer in range(layers)]


def _owns(c: Config, layers: int) -> list[bool]:
    """Which layers have an indexer of their own, where they are latent attention."""
    kinds, pattern = c.words("indexer_types", layers), c.get("index_topk_pattern")
    frequency = c.number("index_topk_freq", default=1, low=0, high=MAX_LAYERS) or 1
    offset = c.number("index_skip_topk_offset", default=2, low=0, high=MAX_LAYERS)
    if kinds is None and pattern is not None:
        kinds = [str(mark) for mark in pattern]
        if len(kinds) != layers:
            raise c.error(f"has {len(kinds)} entries in index_topk_pattern for {layers} layers")
    if kinds:
        return [kind in ("full", "F") for kind in kinds]
    return [max(layer - offset + 1, 0) % frequency == 0 for layer in range(layers)]
