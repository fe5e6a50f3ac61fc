"""Command R (transformers 5.23 `CohereConfig`) and Command R7B, A and Aya's successors (`Cohere2Config`).

Attention and MLP side by side behind one LayerNorm without shift; head tied. Command R+ normalises each query
and key head with a scale of its own (``use_qk_norm``). Cohere 2 slides three layers of four.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("cohere", "cohere2")


def read(c: Config) -> ModelSpec:
    """Read a Cohere or Cohere 2 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    second = c.model_type == "cohere2"
    if second and heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")
    bias = c.flag("attention_bias")
    qk_norm = c.flag("use_qk_norm") and not second
    sliding: list[int | None] = [None] * layers
    if second:
        every = c.number(
            "sliding_window_pattern", "_sliding_window_pattern", "layer_switch", default=4, high=MAX_LAYERS
        )
        sliding = windows(c, layers, every, default=4096)
        c.ignore("order_of_interleaved_layers", "rotary_pct")
    # one weight each, by name, for what this architecture always is
    for key in ("use_parallel_block", "use_gated_activation", "use_parallel_embedding"):
        if not c.flag(key, default=True):
            raise c.unsupported(f"switches {key} off")
    tied = c.flag("tie_word_embeddings", "use_embedding_sharing", default=True)

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, window=window),
        )
        if qk_norm:
            yield "self_attn.q_norm.weight", Parameter("norm", (heads, head_dim))
            yield "self_attn.k_norm.weight", Parameter("norm", (kv_heads, head_dim))
        yield "mlp", GatedMlp(hidden, intermediate)

    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        vocab=vocab,
        context=c.positions("model_max_length", "max_position_embeddings"),
    )
