"""T5 (arXiv:1910.10683), T5 1.1, Flan-T5, mT5 and UMT5 (transformers 5.23 `T5Config`, `MT5Config`, `UMT5Config`).

Encoder and decoder of RMS norms and unbiased matrices; the first layer of each owns the relative position bias,
in UMT5 (arXiv:2304.09151) every layer its own.
transformers 5 ties the head whatever ``tie_word_embeddings`` says; where it says false the published checkpoint
holds a head of its own, which `untied_total` counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("t5", "mt5", "umt5")
QKVO = ("q", "k", "v", "o")
HEAD_APART = ("The published checkpoint stores the head apart; transformers ties it, and so does this count.",)


def read(c: Config) -> ModelSpec:
    """Read a T5, mT5 or UMT5 config; the whole model unless the class is the bare encoder."""
    hidden, vocab, intermediate = c.hidden("d_model", "hidden_size"), c.vocab(), c.hidden("d_ff")
    layers = c.layers("num_layers", "num_hidden_layers")
    decoder_layers = c.number("num_decoder_layers", default=layers, high=MAX_LAYERS)
    attention, mlp = _attention(c, hidden), _mlp(c, hidden, intermediate)
    c.ignore("scalable_attention", "tie_word_embeddings")
    head = c.head("ForConditionalGeneration")
    if head not in ("ForConditionalGeneration", "LMHeadModel", "Model", "EncoderModel"):
        raise c.unsupported(f"is a {c.architecture('')}")
    # The whole makes an encoder and a decoder whatever is said; the bare stack is what the file says.
    bare_decoder = c.flag("is_decoder", default=False) and head == "EncoderModel"
    first = partial(_decoder_layer if bare_decoder else _encoder_layer, attention, mlp)
    placed = [
        place("shared", Embedding(vocab, hidden)),
        *stack("encoder.block.{layer}", _owners(c, layers), first),
        place("encoder.final_layer_norm", Norm(hidden)),
    ]
    if head != "EncoderModel":
        placed += stack("decoder.block.{layer}", _owners(c, decoder_layers), partial(_decoder_layer, attention, mlp))
        placed.append(place("decoder.final_layer_norm", Norm(hidden)))
    warnings: tuple[str, ...] = ()
    if head in ("ForConditionalGeneration", "LMHeadModel"):
        placed.append(place("lm_head", Head(vocab, hidden, "shared.weight")))
        warnings = () if c.flag("tie_word_embeddings", default=True) else HEAD_APART
    return text_spec(
        c,
        placed,
        layers=layers + (decoder_layers if head != "EncoderModel" else 0),
        hidden=hidden,
        intermediate=intermediate,
        vocab=vocab,
        context=c.positions("n_positions"),
        warnings=warnings,
    )


def _owners(c: Config, layers: int) -> list[bool]:
    """Which layers own a relative position bias."""
    return [layer == 0 or c.model_type == "umt5" for layer in range(layers)]


def _attention(c: Config, hidden: int) -> Attention:
    """That of a layer which owns a relative position bias."""
    heads = c.number("num_heads", "num_attention_heads", high=MAX_HEADS)
    head_dim = c.number("d_kv", high=MAX_HEADS)
    buckets = c.number("relative_attention_num_buckets", default=32)
    return Attention(hidden, heads, heads, head_dim, names=QKVO, relative_bias=(buckets, heads))


def _mlp(c: Config, hidden: int, intermediate: int) -> Mlp | GatedMlp:
    activation = c.text("feed_forward_proj", "relu" if c.model_type == "t5" else "gated-gelu")
    if activation.startswith("gated-"):
        return GatedMlp(hidden, intermediate, ("wi_0", "wi_1", "wo"))
    return Mlp(hidden, intermediate, ("wi", "wo"))


def _encoder_layer(attention: Attention, mlp: Mlp | GatedMlp, owns_bias: bool) -> Iterator[Named]:
    norm, bias = Norm(attention.hidden), attention.relative_bias if owns_bias else None
    yield "layer.0.layer_norm", norm
    yield "layer.0.SelfAttention", replace(attention, relative_bias=bias, cached=False)
    yield "layer.1.layer_norm", norm
    yield "layer.1.DenseReluDense", mlp


def _decoder_layer(attention: Attention, mlp: Mlp | GatedMlp, owns_bias: bool) -> Iterator[Named]:
    norm, bias = Norm(attention.hidden), attention.relative_bias if owns_bias else None
    yield "layer.0.layer_norm", norm
    yield "layer.0.SelfAttention", replace(attention, relative_bias=bias)
    yield "layer.1.layer_norm", norm
    yield "layer.1.EncDecAttention", replace(attention, relative_bias=None, source="cross")
    yield "layer.2.layer_norm", norm
    yield "layer.2.DenseReluDense", mlp
