"""MiniCPM3 (transformers 5.23 `MiniCPM3Config`): DeepSeek's latent attention before LLaMA's MLP, head tied.

Defaults are those of huggingface.co/openbmb/MiniCPM3-4B; a value head is hidden size / heads unless given.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("minicpm3",)


def read(c: Config) -> ModelSpec:
    """Read a MiniCPM3 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, _, _ = c.heads(hidden)
    mlp_bias = c.flag("mlp_bias")
    c.ignore("scale_emb", "dim_model_base", "scale_depth", "head_dim", "qk_head_dim")
    attention = LatentAttention(
        hidden,
        heads,
        q_rank=c.number("q_lora_rank", default=None if "q_lora_rank" in c.data else 768),
        kv_rank=c.number("kv_lora_rank", default=256),
        nope=c.number("qk_nope_head_dim", default=64, high=MAX_HEADS),
        rope=c.number("qk_rope_head_dim", default=32, high=MAX_HEADS),
        v_head=c.number("v_head_dim", default=hidden // heads, high=MAX_HEADS),
        bias=c.flag("attention_bias"),
    )

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, bias=mlp_bias)

    tied = c.flag("tie_word_embeddings", default=True)
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
