"""T5 (arXiv:1910.10683), T5 1.1, Flan-T5, mT5 and UMT5 (transformers 5.23 `T5Config`, `MT5Config`, `UMT5Config`).

Encoder and decoder of RMS norms and unbiased matrices; the first layer of each owns the relative position bias,
in UMT5 (arXiv:2304.09151) every layer its own.
transformers 5 ties the head whatever ``tie_word_embeddings`` says; where it says false the published checkpoint
holds a head of its own, which `untied_total` counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import Block, ModelSpec

MODEL_TYPES = ("t5", "mt5", "umt5")
QKVO = ("q", "k", "v", "o")


def read(c: Config) -> ModelSpec:
    """Read a T5, mT5 or UMT5 config; the whole model unless the class is the bare encoder."""
    hidden, vocab, intermediate = c.hidden("d_model", "hidden_size"), c.vocab(), c.hidden("d_ff")
    layers = c.layers("num_layers", "num_hidden_layers")
    decoder_layers = c.number("num_decoder_layers", default=layers, high=MAX_LAYERS)
    heads = c.number("num_heads", "num_attention_heads", high=MAX_HEADS)
    head_dim = c.number("d_kv", high=MAX_HEADS)
    buckets = c.number("relative_attention_num_buckets", default=32)
    activation = c.text("feed_forward_proj", "relu" if c.model_type == "t5" else "gated-gelu")
    c.ignore("scalable_attention")
    head = c.head("ForConditionalGeneration")
    if head not in ("ForConditionalGeneration", "LMHeadModel", "Model", "EncoderModel"):
        raise c.unsupported(f"is a {c.architecture('')}")

    def attention(owns_bias: bool, cached: bool, source: str = "self") -> Attention:
        bias = (buckets, heads) if owns_bias else None
        return Attention(hidden, heads, heads, head_dim, names=QKVO, cached=cached, source=source, relative_bias=bias)

    mlp: Block = Mlp(hidden, intermediate, ("wi", "wo"))
    if activation.startswith("gated-"):
        mlp = GatedMlp(hidden, intermediate, ("wi_0", "wi_1", "wo"))

    def owners(count: int) -> list[bool]:
        return [layer == 0 or c.model_type == "umt5" for layer in range(count)]

    def encoder(owns_bias: bool) -> Iterator[Named]:
        yield "layer.0.layer_norm", Norm(hidden)
        yield "layer.0.SelfAttention", attention(owns_bias, cached=False)
        yield "layer.1.layer_norm", Norm(hidden)
        yield "layer.1.DenseReluDense", mlp

    def decoder(owns_bias: bool) -> Iterator[Named]:
        yield "layer.0.layer_norm", Norm(hidden)
        yield "layer.0.SelfAttention", attention(owns_bias, cached=True)
        yield "layer.1.layer_norm", Norm(hidden)
        yield "layer.1.EncDecAttention", attention(False, cached=True, source="cross")
        yield "layer.2.layer_norm", Norm(hidden)
        yield "layer.2.DenseReluDense", mlp

    placed = [
        place("shared", Embedding(vocab, hidden)),
        *stack("encoder.block.{layer}", owners(layers), encoder),
        place("encoder.final_layer_norm", Norm(hidden)),
    ]
    if head != "EncoderModel":
        placed += stack("decoder.block.{layer}", owners(decoder_layers), decoder)
        placed.append(place("decoder.final_layer_norm", Norm(hidden)))
    warnings: tuple[str, ...] = ()
    if head in ("ForConditionalGeneration", "LMHeadModel"):
        placed.append(place("lm_head", Head(vocab, hidden, "shared.weight")))
        if not c.flag("tie_word_embeddings", default=True):
            warnings = (
                "The published checkpoint stores the head apart; transformers ties it, and so does this count.",
            )
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
