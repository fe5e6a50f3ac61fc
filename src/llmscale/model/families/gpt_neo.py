"""GPT-Neo (EleutherAI 2021; transformers 5.23 `GPTNeoConfig`): GPT-2 without biases on q, k, v, head tied.

Every second layer attends to ``window_size`` tokens only, but masks the rest instead of forgetting it: the cache
of transformers keeps all tokens in all layers, so no window stands here.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gpt_neo",)


def read(c: Config) -> ModelSpec:
    """Read a GPT-Neo config."""
    hidden, vocab = c.hidden(), c.vocab()
    layers = c.layers("num_layers", "num_hidden_layers")
    positions = c.number("max_position_embeddings", high=MAX_POSITIONS)
    intermediate = c.number("intermediate_size", default=4 * hidden)
    heads, kv_heads, head_dim = c.heads(hidden, "num_heads", "num_attention_heads", kv=())
    c.words("attention_layers", layers)
    c.ignore("attention_types", "window_size")

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        yield "ln_1", Norm(hidden, bias=True)
        yield "attn.attention", Attention(hidden, heads, kv_heads, head_dim, names=names, out_bias=True)
        yield "ln_2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("c_fc", "c_proj"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="wte", layers="h", norm="ln_f", token_classifier="classifier"),
        embeddings=[("wpe", Embedding(positions, hidden, "embedding.position"))],
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)
