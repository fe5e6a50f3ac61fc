"""GLM-4 as transformers has it: `GlmConfig` (GLM-4-9B) and `Glm4Config` (the 0414 models, two more norms a layer)."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("glm", "glm4", "glm4v_text", "glm_ocr_text")
#: Types whose class asks neither for a head dimension of 128 nor for biases.
PARTS = ("glm4v_text", "glm_ocr_text")


def read(c: Config) -> ModelSpec:
    """Read a GLM or GLM-4-0414 config; o is never biased."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=2, head_dim=None if c.model_type in PARTS else 128)
    bias = c.flag("attention_bias", default=True)
    if c.model_type in PARTS:  # whose classes do not ask
        bias = c.model_type == "glm4v_text"
    sandwich = c.model_type in ("glm4", *PARTS)

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias)
        if sandwich:
            yield "post_self_attn_layernorm", Norm(hidden)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, ("gate_up_proj", "down_proj"))
        if sandwich:
            yield "post_mlp_layernorm", Norm(hidden)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
