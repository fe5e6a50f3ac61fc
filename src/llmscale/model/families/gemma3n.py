"""Gemma 3n (transformers 5.23 `Gemma3nConfig`; names as in huggingface.co/google/gemma-3n-E4B-it).

Gemma 3 with four residual streams: every layer predicts and corrects them (AltUp, arXiv:2301.13310), adds a
low-rank residual (LAuReL, arXiv:2411.07501) and an embedding of the token of its own; the last
``num_kv_shared_layers`` use the keys and values of earlier ones. Four layers of five slide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._gemma3n_towers import audio_tower, vision_tower
from llmscale.model.families._per_layer import PerLayer, per_layer
from llmscale.model.families._stack import Named, Names, decoder, place, text_spec
from llmscale.model.families._window import shared_kv, unused_kv, windows
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("gemma3n_text", "gemma3n")


def read(c: Config) -> ModelSpec:
    """Read a Gemma 3n config, of the whole model or of its text part alone."""
    if c.model_type == "gemma3n_text":
        return _text(c, Names(), c.flag("tie_word_embeddings", default=True))
    part = c.part("text_config")
    tied = c.flag("tie_word_embeddings", default=part.flag("tie_word_embeddings", default=True))
    c.ignore("audio_soft_tokens_per_image", "vision_soft_tokens_per_image")
    text = _text(part, Names(base="model.language_model"), tied)
    placed: list[PlacedBlock] = []
    for kind, tower in (("vision", vision_tower), ("audio", audio_tower)):
        tower_config = c.part(f"{kind}_config", f"model.{kind}_tower.")
        blocks, width = tower(tower_config)
        tokens = tower_config.number("vocab_size", default=128, high=MAX_VOCAB)
        projector: list[Named] = [
            ("embedding", Embedding(tokens, width)),
            ("hard_embedding_norm", Norm(width)),
            ("soft_embedding_norm", Norm(width)),
            ("embedding_projection", Linear("projector.weight", text.hidden_size, width)),
        ]
        placed += blocks
        placed += [place(f"model.embed_{kind}.{name}", block, tower="projector") for name, block in projector]
    return replace(text, family=c.model_type, placed=(*placed, *text.placed))


def _text(c: Config, names: Names, tied: bool) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.number("vocab_size", default=262_400, high=MAX_VOCAB)
    widths = _widths(c, layers)
    attention = _attention(c, hidden)
    streams = c.number("altup_num_inputs", default=4, high=64)
    rank = c.number("laurel_rank", default=64)
    extra = per_layer(c, hidden, layers, low=1)
    shared = shared_kv(c, layers, default=15)
    c.ignore("altup_active_idx", "altup_coef_clip", "altup_correct_scale", "altup_lr_multiplier")
    c.ignore("activation_sparsity_pattern")
    placed = decoder(
        c,
        list(zip(windows(c, layers, 5, default=512), shared, widths, strict=True)),
        partial(_layer, attention, streams, rank, extra),
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=tied,
        names=names,
        embeddings=[*extra.before(), *_streams("altup_projections", hidden, streams)],
        after=_streams("altup_unembed_projections", hidden, streams),
    )
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(widths),
        vocab=vocab,
        context=c.positions(),
        warnings=unused_kv(shared),
    )


def _layer(
    attention: Attention, streams: int, rank: int, extra: PerLayer, kind: tuple[int | None, bool, int]
) -> Iterator[Named]:
    """A layer by its window, whether keys and values are its own, and the width of its MLP."""
    window, owns_kv, width = kind
    hidden, qk_norm = attention.hidden, (attention.head_dim, attention.head_dim if owns_kv else 0)
    yield from _altup(hidden, streams)
    yield "input_layernorm", Norm(hidden)
    yield from _laurel(hidden, rank)
    yield "self_attn", replace(attention, qk_norm=qk_norm, window=window, owns_kv=owns_kv)
    yield "post_attention_layernorm", Norm(hidden)
    yield "pre_feedforward_layernorm", Norm(hidden)
    yield "mlp", GatedMlp(hidden, width)
    yield "post_feedforward_layernorm", Norm(hidden)
    yield from extra.inside()


def _attention(c: Config, hidden: int) -> Attention:
    """That of a layer with keys and values of its own."""
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=2, head_dim=256)
    bias = c.flag("attention_bias")
    return Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)


def _altup(hidden: int, streams: int) -> Iterator[Named]:
    """What predicts and corrects the residual streams."""
    yield "altup.correct_output_scale", Parameter("other.altup", (hidden,))
    yield "altup.correction_coefs", Linear("other.altup", streams, streams)
    yield "altup.prediction_coefs", Linear("other.altup", streams**2, streams)
    yield "altup.modality_router", Linear("other.altup", streams, hidden)
    yield "altup.router_norm", Norm(hidden)


def _streams(name: str, hidden: int, streams: int) -> list[Named]:
    """What makes the further residual streams of the first, or one of them all."""
    return [(f"{name}.{i}", Linear("other.altup", hidden, hidden)) for i in range(streams - 1)]


def _laurel(hidden: int, rank: int) -> Iterator[Named]:
    yield "laurel.linear_left", Linear("other.laurel", rank, hidden)
    yield "laurel.linear_right", Linear("other.laurel", hidden, rank)
    yield "laurel.post_laurel_norm", Norm(hidden)


def _widths(c: Config, layers: int) -> list[int]:
    """MLP width of each layer: one number for all, or one for each."""
    if not isinstance(c.get("intermediate_size"), list):
        return [c.hidden("intermediate_size")] * layers
    widths = c.numbers("intermediate_size")
    if len(widths) != layers:
        raise c.error(f"has {len(widths)} entries in intermediate_size for {layers} layers")
    return widths
