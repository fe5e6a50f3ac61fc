"""Zamba 2 (arXiv:2411.15242; transformers 5.23 `Zamba2Config`): Mamba-2 layers and one or two shared transformers.

Hybrid layers (``layers_block_type``) run a transformer on the hidden state and the embedding side by side before
their Mamba-2. ``num_mem_blocks`` transformers take turns; in each of its layers one has low-rank adapters of its own,
for the MLP and, with ``use_shared_attention_adapter``, for Q, K and V. The convolution always has a bias. Without
``tie_word_embeddings`` the class ties none of these either.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.families import _ssm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named
from llmscale.model.families._zamba import hybrid_layers, spec_of
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("zamba2",)
#: where the 2.7B's files, which may leave them out, have their transformers
HYBRID = (6, 12, 18, 24, 30, 36, 42, 47, 51)


def read(c: Config) -> ModelSpec:
    """Read a Zamba 2 config."""
    hidden, layers = c.hidden(), c.layers()
    width = c.number("intermediate_size", "ffn_hidden_size", default=4 * hidden)
    mixer = _mixer(c, hidden)
    types, usual = c.words("layers_block_type", layers), [layer for layer in HYBRID if layer < layers]
    hybrid, tied = hybrid_layers(c, types, usual), c.flag("tie_word_embeddings", default=True)
    shared = list(_transformer(c, hidden, width))
    adapters = list(_adapters(c, hidden, width))
    turns = c.number("num_mem_blocks", default=1, high=MAX_LAYERS)
    c.ignore(*_ssm.HARMLESS, "intermediate_size", "hybrid_layer_ids", "gated_linear_unit", "use_mem_rope")
    c.ignore("use_long_context", "attention_hidden_size", "kv_channels", "num_query_groups", "use_conv_bias", "ft_lora")

    def transformer(nth: int) -> Iterator[Named]:
        turn = range(nth % turns, len(hybrid), turns)
        for name, block in [*shared, *((f"{name}.{i}.{k}", b) for i in turn for name, k, b in adapters)]:
            yield f"shared_transformer.{name}", block

    return spec_of(c, mixer, hybrid, transformer, width=width, tied=tied, turns=turns)


def _mixer(c: Config, hidden: int) -> Mamba2:
    inner = c.number("mamba_expand", default=2) * hidden
    heads = c.number("n_mamba_heads", default=8, high=MAX_HEADS)
    if inner % heads or c.number("mamba_headdim", default=inner // heads) != inner // heads:
        raise c.error(f"has {heads} Mamba heads, which do not divide {inner} channels as its mamba_headdim says")
    return Mamba2(
        hidden,
        heads,
        inner // heads,
        groups=c.number("mamba_ngroups", default=1, high=MAX_HEADS),
        state_size=c.number("mamba_d_state", default=64),
        conv=c.number("mamba_d_conv", default=4),
        bias=c.flag("add_bias_linear"),
    )


def _transformer(c: Config, hidden: int, width: int) -> Iterator[Named]:
    """The shared transformer; it reads hidden state and embedding side by side and writes the hidden state."""
    heads, kv_heads, head_dim = c.heads(2 * hidden)
    if c.number("attention_head_dim", default=head_dim) != head_dim:
        raise c.error(f"has an attention_head_dim that is not 2 x hidden_size / {heads} heads")
    yield "input_layernorm", Norm(2 * hidden)
    yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, input=2 * hidden)
    yield "pre_ff_layernorm", Norm(hidden)
    yield "feed_forward", GatedMlp(hidden, width, ("gate_up_proj", "down_proj"), c.flag("add_bias_linear"))


def _adapters(c: Config, hidden: int, width: int) -> Iterator[tuple[str, int, Linear]]:
    """Adapters of one hybrid layer: name of their list, which factor, and the factor."""
    rank = c.number("adapter_rank", default=128)
    if not c.flag("use_shared_mlp_adapter", default=True):
        raise c.unsupported("switches use_shared_mlp_adapter off")
    if c.flag("use_shared_attention_adapter"):
        for part in "qkv":
            yield f"self_attn.linear_{part}_adapter_list", 0, Linear("attention.adapter", rank, 2 * hidden)
            yield f"self_attn.linear_{part}_adapter_list", 1, Linear("attention.adapter", 2 * hidden, rank)
    yield "feed_forward.gate_up_proj_adapter_list", 0, Linear("mlp.adapter", rank, hidden)
    yield "feed_forward.gate_up_proj_adapter_list", 1, Linear("mlp.adapter", 2 * width, rank)
