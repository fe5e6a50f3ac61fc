"""Qwen4-Exp, the architecture of Qwen3.8-Flash-Next (transformers 5.24 `Qwen4ExpConfig`, `Qwen4ExpTextConfig`).

Qwen3.5's delta nets and mixtures; the attention of every fourth layer looks at blocks of tokens that an indexer chose.
Instead of norms before each block several streams are mixed by a matrix of low rank (`hc_lowrank`), and the layers of
``ple_layer_ids`` (counted from one) add embeddings of the last tokens: a table of a distinct prime number of rows for
each head of each n-gram, the smallest primes from ``ngram_vocab_size_base`` on, all in one matrix of padded rows.
Names as in the class; published files store that matrix in ``split_ngram_parts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import isqrt

from llmscale.model.blocks.attention import BlockIndexer
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._qwen3_tower import tower
from llmscale.model.families._qwen_hybrid import attention, delta, mixture
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen4_exp", "qwen4_exp_text")
LINEAR, INDEXED = "linear_attention", ("indexed_attention", "full_attention")
#: More tables of n-grams than any model has, and more rows of one, before a file counts as damaged.
MAX_TABLES, MAX_ROWS = 512, 1 << 28


def read(c: Config) -> ModelSpec:
    """Read a Qwen4-Exp config, of the whole model or of its text part alone."""
    if c.model_type == "qwen4_exp_text":
        return _text(c)
    text = text_part(c, "model.language_model.", tied=tied(c), model_type="qwen4_exp_text", head_prefix="")
    return whole(c, text, tower(c.part("vision_config", "model.visual.", defaults={})))


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    streams = c.number("hc_count", default=4, low=2, high=MAX_HEADS)
    rank = c.hidden("hc_lowrank") if "hc_lowrank" in c.data else 320
    linear, experts = _linear(c, layers), mixture(c, hidden)
    indexer, attends, delta_net = _indexer(c, hidden, linear), attention(c, hidden), delta(c, hidden)
    embedded = _embedded(c, hidden, streams, linear)

    def blocks(kind: tuple[bool, int]) -> Iterator[Named]:
        is_linear, layer = kind
        if is_linear:
            yield "linear_attn", delta_net
        elif indexer:
            yield "self_attn", attends
            yield "self_attn.indexer", indexer
        yield from experts[0]
        yield from embedded.get(layer, ())
        yield from _around("attn_hyper_connection", hidden, streams, rank)
        yield from _around("mlp_hyper_connection", hidden, streams, rank)

    placed = decoder(
        c,
        [(each, layer if layer in embedded else -1) for layer, each in enumerate(linear)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=None,
        tied=c.flag("tie_word_embeddings"),
        after=_mixer("hyper_connection_mixer", hidden, streams, rank),
    )
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=experts[1],
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c, "mtp_num_hidden_layers"),
    )


_ROLE = "other.hyper_connection"


def _mixer(name: str, hidden: int, streams: int, rank: int) -> Iterator[Named]:
    """What makes the input of a block of all streams."""
    wide = streams * hidden
    yield f"{name}.hc_norm", Norm(wide, role=_ROLE)
    yield f"{name}.input_mix_weight_down", Linear(_ROLE, rank, wide)
    yield f"{name}.input_mix_weight_up", Linear(_ROLE, wide, rank)


def _around(name: str, hidden: int, streams: int, rank: int) -> Iterator[Named]:
    """What stands before a block, and what says how much of its output each stream takes."""
    yield from _mixer(name, hidden, streams, rank)
    yield f"{name}.block_inject_weight", Linear(_ROLE, streams, streams * hidden)


def _linear(c: Config, layers: int) -> list[bool]:
    """Which layers are delta nets; the others attend."""
    c.ignore("output_gate_type", "mamba_ssm_dtype", "mtp_use_dedicated_embeddings")
    every = c.number("full_attention_interval", default=4, high=MAX_LAYERS)
    types = c.words("layer_types", layers)
    if types is None:
        return [(layer + 1) % every != 0 for layer in range(layers)]
    if unknown := set(types) - {LINEAR, *INDEXED}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [kind == LINEAR for kind in types]


def _indexer(c: Config, hidden: int, linear: list[bool]) -> BlockIndexer | None:
    c.ignore("indexer_n_heads", "indexer_kv_heads", "indexer_head_dim", "indexer_budget", "indexer_compress_ratio")
    if all(linear):
        return None
    if c.number("indexer_kv_heads") != 1:
        raise c.unsupported("has another number of indexer_kv_heads than 1")
    heads, head_dim = c.number("indexer_n_heads", high=MAX_HEADS), c.number("indexer_head_dim", high=MAX_HEADS)
    return BlockIndexer(hidden, heads, head_dim, fused=True)


def _embedded(c: Config, hidden: int, streams: int, linear: list[bool]) -> dict[int, list[Named]]:
    """By layer, the embeddings of n-grams that it adds to the streams."""
    c.ignore("split_ngram_parts", "seed")
    chosen = sorted(set(c.numbers("ple_layer_ids", default=[], low=1, high=len(linear))))
    heads = (c.number("ngram_size", default=3, low=2, high=16) - 1) * c.number("heads_per_ngram", default=8, high=64)
    base = c.number("ngram_vocab_size_base", default=20_000_000, high=MAX_ROWS)
    padded = c.number("make_ngram_vocab_size_divisible_by", default=128, high=MAX_WIDTH)
    kernel = c.number("ple_conv_kernel_size", default=4, high=MAX_HEADS)
    width, wide = c.number("ple_embed_dim", default=hidden), streams * hidden
    if len(chosen) * heads > MAX_TABLES:
        raise c.error(f"has {len(chosen) * heads} tables of n-grams, more than {MAX_TABLES}")
    if chosen and width % heads:
        raise c.error(f"has ple_embed_dim = {width}, not a multiple of its {heads} tables of n-grams")
    if not all(linear[layer - 1] for layer in chosen):
        raise c.error("names a layer in ple_layer_ids that is no linear_attention")
    found: dict[int, list[Named]] = {}
    for number, layer in enumerate(chosen):
        rows = -(-sum(_primes(base, (number + 1) * heads)[number * heads :]) // padded) * padded
        found[layer - 1] = [
            ("ple.ple_embedding.ngram_embedding", Embedding(rows, width // heads, "embedding.ngram")),
            ("ple.key_proj", Linear("embedding.ngram_projection", wide, width)),
            ("ple.value_proj", Linear("embedding.ngram_projection", hidden, width)),
            *((f"ple.norm_{name}", Norm(wide, role="embedding.ngram_norm")) for name in ("key", "query", "conv")),
            ("ple.conv1d.weight", Parameter("embedding.ngram_convolution", (wide, 1, kernel))),
        ]
    return found


@cache
def _primes(low: int, count: int) -> tuple[int, ...]:
    """So many primes, the smallest that are no smaller than `low`."""
    found: list[int] = []
    while len(found) < count:
        if low > 1 and all(low % divisor for divisor in range(2, isqrt(low) + 1)):
            found.append(low)
        low += 1
    return tuple(found)
