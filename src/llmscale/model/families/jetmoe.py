"""JetMoE (arXiv:2404.07413; transformers 5.23 `JetMoeConfig`): mixtures of attention heads and of MLPs, both of eight.

Names as in huggingface.co/jetmoe/jetmoe-8b, whose first files spelled some keys as Megatron does.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import AttentionMixture
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import PackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("jetmoe",)


def read(c: Config) -> ModelSpec:
    """Read a JetMoE config."""
    hidden, layers, vocab = c.hidden(), c.layers("num_hidden_layers", "num_layers"), c.vocab()
    heads = c.number("num_key_value_heads", default=16, high=MAX_HEADS)
    head_dim = c.number("kv_channels", "head_dim", default=128, high=MAX_HEADS)
    width = c.hidden("intermediate_size", "ffn_hidden_size")
    experts = c.number("num_local_experts", "moe_num_experts", default=8, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", "moe_top_k", default=2, high=experts)
    if c.number("num_attention_heads", default=heads * used, high=MAX_HEADS) != heads * used:
        raise c.error(f"has query heads that are not {heads} for each of the {used} experts used")
    if not c.flag("bias", default=True) or not c.flag("glu", default=True):
        raise c.unsupported("switches bias or glu off")
    c.ignore("aux_loss_coef", "rotary_percent")

    def blocks(_: None) -> Iterator[Named]:
        gate_up = ("input_linear.weight", "gate_up", (2 * width, hidden))
        down = ("output_linear.weight", "down", (hidden, width))
        yield "input_layernorm", Norm(hidden)
        yield "self_attention", AttentionMixture(hidden, heads, head_dim, experts, used)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", PackedExperts(hidden, experts, used, (gate_up, down), router="router.layer")
        yield "mlp.bias", Parameter("experts.bias", (hidden,))

    tied = c.flag("tie_word_embeddings", default=True)
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    context = c.positions("max_position_embeddings", "n_positions")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=used * width, vocab=vocab, context=context)
