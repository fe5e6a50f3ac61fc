"""OPT (arXiv:2205.01068; transformers 5.23 `OPTConfig`): learned positions with two spare rows, tied head.

The 350M alone embeds into 512 elements, projects to and from them, and normalises after each block
instead of before, so that it has no final norm.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("opt",)
#: `OPTLearnedPositionalEmbedding` offsets positions by two.
SPARE_POSITIONS = 2


def read(c: Config) -> ModelSpec:
    """Read an OPT config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("ffn_dim")
    positions = c.number("max_position_embeddings", high=MAX_POSITIONS)
    width = c.number("word_embed_proj_dim", default=hidden)
    heads, kv_heads, head_dim = c.heads(hidden, kv=())
    bias = c.flag("enable_bias", default=True)
    if not c.flag("layer_norm_elementwise_affine", default=True):
        raise c.unsupported("has norms without scale (layer_norm_elementwise_affine: false)")
    final_norm = c.flag("do_layer_norm_before", default=True) and not c.flag("_remove_final_layer_norm")

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        attention = Attention(hidden, heads, kv_heads, head_dim, names=names, qkv_bias=bias, out_bias=bias)
        yield "self_attn_layer_norm", Norm(hidden, bias=True)
        yield "self_attn", attention
        yield "final_layer_norm", Norm(hidden, bias=True)
        yield "", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=bias)

    position = ("embed_positions", Embedding(positions + SPARE_POSITIONS, hidden, "embedding.position"))
    project_in = ("project_in", Linear("other.project_in", hidden, width))
    project_out = ("project_out", Linear("other.project_out", width, hidden))
    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True) if final_norm else None,
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="model.decoder", norm="final_layer_norm"),
        embeddings=[position] if width == hidden else [position, project_in],
        width=width,
        after=[] if width == hidden else [project_out],
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)
