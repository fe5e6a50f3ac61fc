"""StableLM 3B and 2 (arXiv:2402.17834; transformers 5.23 `StableLmConfig`): LLaMA's shape with LayerNorm.

StableLM 2's 12B puts attention and MLP side by side behind one norm (``use_parallel_residual``) and gives each
query and key head a norm of its own, without shift (``qk_layernorm``). ``stablelm_epoch`` is the name of the
first release, with the same tensors.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("stablelm", "stablelm_epoch")


def read(c: Config) -> ModelSpec:
    """Read a StableLM config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=32)
    if heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")
    bias, each_head = c.flag("use_qkv_bias"), c.flag("qk_layernorm")
    parallel = c.flag("use_parallel_residual")
    c.ignore("rotary_scaling_factor", "norm_eps")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias)
        if each_head:
            for head in range(heads):
                yield f"self_attn.q_layernorm.norms.{head}", Norm(head_dim)
            for head in range(kv_heads):
                yield f"self_attn.k_layernorm.norms.{head}", Norm(head_dim)
        if not parallel:
            yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "mlp", GatedMlp(hidden, intermediate)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden, bias=True), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
