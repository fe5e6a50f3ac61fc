"""DeepSeek V4 (transformers 5.24 `DeepseekV4Config`): compressed attention, hyper-connections, only mixtures.

``compress_ratios`` (or ``layer_types``) says of each layer how many tokens one kept entry stands for: 4 with an indexer
that chooses among them, 128 without one, 0 for a layer that keeps its window alone. The first layers choose experts by
a table of integers (``num_hash_layers``) instead of a correction bias. Names as in transformers; the published files
call the same tensors ``attn.wq_a``, ``ffn.experts.0.w1`` and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.compressed import (
    CompressedIndexer,
    Compressor,
    HyperConnection,
    HyperHead,
    SharedKeyAttention,
)
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("deepseek_v4",)
WINDOW, SPARSE, HEAVY = "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"
#: Tokens of an entry -> the kind of layer, and what a file means that does not say.
RATIOS = {0: WINDOW, 4: SPARSE, 128: HEAVY}
RATES = {SPARSE: 4, HEAVY: 128}


def read(c: Config) -> ModelSpec:
    """Read a DeepSeek V4 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    attention, mixture = _attention(c, hidden), _mixture(c, hidden)
    head_dim, streams = attention.head_dim, c.number("hc_mult", high=MAX_HEADS)
    given = c.part("compress_rates", defaults={})
    rates = {kind: given.number(kind, default=rate, high=MAX_POSITIONS) for kind, rate in RATES.items()}
    indexer = CompressedIndexer(
        hidden,
        attention.q_rank,
        c.number("index_n_heads", high=MAX_HEADS),
        c.number("index_head_dim", high=MAX_HEADS),
        rates[SPARSE],
    )
    c.ignore("index_topk", "compress_rope_theta", "hc_sinkhorn_iters", "swiglu_limit", "qk_rope_head_dim")
    c.ignore("num_key_value_heads", "expert_dtype", "intermediate_size", "attention_bias", "partial_rotary_factor")

    def blocks(kind: tuple[str, bool]) -> Iterator[Named]:
        compressed, hashed = kind
        yield "attn_hc", HyperConnection(hidden, streams)
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        if compressed != WINDOW:
            series = 2 if compressed == SPARSE else 1
            yield "self_attn.compressor", Compressor(hidden, head_dim, rates[compressed], series)
        if compressed == SPARSE:
            yield "self_attn.compressor.indexer", indexer
        yield "ffn_hc", HyperConnection(hidden, streams)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", replace(mixture, correction_bias=None) if hashed else mixture

    hashed = _hashed(c, layers)
    placed = decoder(
        c,
        list(zip(_kinds(c, layers), hashed, strict=True)),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        after=[("hc_head", HyperHead(hidden, streams))],
    )
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=mixture.widest,
        vocab=vocab,
        context=c.positions(),
        warnings=(*prediction_layers(c), *_tables(sum(hashed))),
    )


def _tables(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"The published checkpoint also holds {count} integer tables that choose experts, which are not counted.",)


def _attention(c: Config, hidden: int) -> SharedKeyAttention:
    heads, head_dim = c.number("num_attention_heads", high=MAX_HEADS), c.number("head_dim", high=MAX_HEADS)
    groups = c.number("o_groups", high=MAX_HEADS)
    if heads * head_dim % groups:
        raise c.error(f"has heads of {heads * head_dim} elements together, not a multiple of its {groups} o_groups")
    window = c.number("sliding_window", high=MAX_POSITIONS)
    return SharedKeyAttention(hidden, heads, head_dim, c.number("q_lora_rank"), groups, c.number("o_lora_rank"), window)


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("n_routed_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    if c.number("n_shared_experts", default=1, low=0) != 1:
        raise c.unsupported("has another number of shared experts than 1")
    correction = "gate.e_score_correction_bias"
    return MixtureOfExperts(hidden, width, experts, used, shared=width, correction_bias=correction)


def _kinds(c: Config, layers: int) -> list[str]:
    """The kind of each layer; lists may go on with the multi-token-prediction layers."""
    named, ratios = c.get("layer_types"), c.numbers("compress_ratios", default=None, low=0)
    kinds = named if named is not None else [RATIOS.get(ratio) for ratio in ratios or ()]
    if not kinds:
        return [HEAVY if layer < 2 or layer % 2 == 0 else SPARSE for layer in range(layers)]
    if not isinstance(kinds, list) or len(kinds) < layers or not set(map(str, kinds)) <= set(RATIOS.values()):
        raise c.unsupported("has layer_types or compress_ratios of other kinds than 0, 4 and 128, or too few")
    return [str(kind) for kind in kinds[:layers]]


def _hashed(c: Config, layers: int) -> list[bool]:
    """Which layers choose their experts by a table."""
    kinds = c.words("mlp_layer_types", layers)
    first = c.number("num_hash_layers", default=3, low=0, high=MAX_LAYERS)
    return [kind == "hash_moe" for kind in kinds] if kinds else [layer < first for layer in range(layers)]
