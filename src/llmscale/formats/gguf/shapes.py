"""Tensors that llama.cpp's converter does not only rename: it splits, turns or flattens them.

Each entry: (architecture, or "" for all; published name without its prefix) to what gives the new names and shapes of a
group. A shape is that of one tensor, of one expert where there are several; rows (outputs) before columns (inputs).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.mlp import PackedExperts
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.inventory import TensorGroup
from llmscale.model.spec import ModelSpec

Kind = TypeVar("Kind")
Shape = tuple[int, ...]
Shaper = Callable[[TensorGroup, ModelSpec], list[tuple[str, Shape]]]


def _block(kind: type[Kind], group: TensorGroup, spec: ModelSpec) -> Kind:
    """The block of that kind which stands in the layers of `group`."""
    return next(
        placed.block
        for placed in spec.placed
        if placed.tower is None and isinstance(placed.block, kind) and set(group.layers) & set(placed.layers)
    )


def halves(*names: str, reverse: bool = False) -> Shaper:
    """The outputs in two halves; of a matrix stored (inputs, outputs), each turned round."""

    def shape(group: TensorGroup, _: ModelSpec) -> list[tuple[str, Shape]]:
        rows, *columns = reversed(group.shape) if reverse else group.shape
        return [(name, (rows // len(names), *columns)) for name in names]

    return shape


def turned(name: str) -> Shaper:
    """A matrix stored (inputs, outputs)."""
    return lambda group, _: [(name, group.shape[::-1])]


def flat(name: str) -> Shaper:
    """A convolution of one input channel: its middle axis goes."""
    return lambda group, _: [(name, tuple(size for size in group.shape if size != 1))]


def named(name: str) -> Shaper:
    """Nothing but another name, suffix and all."""
    return lambda group, _: [(name, group.shape)]


def stacked(name: str, number: int, count: int = 3) -> Shaper:
    """Gemma 3n's three projections, in one tensor that stands for the first of them."""
    return lambda group, _: [(name, (count, *group.shape))] if number == 0 else []


def heads_norm(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """StableLM 2 12B's norms of Q and K, one per head, in one tensor that stands for the first of them."""
    if ".norms.0." not in group.name:
        return []
    block = _block(Attention, group, spec)
    part, heads = ("q", block.heads) if ".q_layernorm." in group.name else ("k", block.kv_heads)
    return [(f"blk.{{layer}}.attn_{part}_norm.weight", (heads, *group.shape))]


def gemma3_tokens(group: TensorGroup, _: ModelSpec) -> list[tuple[str, Shape]]:
    """Rows past the tokenizer's 262,144 pieces are padding, and cut off."""
    return [("token_embd.weight", (min(group.shape[0], 262_144), group.shape[1]))]


def gemma3n_tokens(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """The table that each layer has a part of is padded to the rows of the token embedding."""
    return [("per_layer_token_embd.weight", (max(group.shape[0], spec.vocab_size), group.shape[1]))]


def positions(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """RoBERTa's positions start at 2, behind the padding's: the converter drops the two rows before."""
    unused = 2 if spec.family in ("roberta", "xlm-roberta", "camembert") else 0
    return [("position_embd.weight", (group.shape[0] - unused, group.shape[1]))]


def shared_gate_up(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Granite 4's MLP: the shared expert of a mixture, or all there is."""
    return halves(*(_SHARED if _mixture(spec) else _DENSE))(group, spec)


def shared_down(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Its other half."""
    return [(f"blk.{{layer}}.ffn_down{'_shexp' if _mixture(spec) else ''}.weight", group.shape)]


def _mixture(spec: ModelSpec) -> bool:
    return any(isinstance(placed.block, PackedExperts) for placed in spec.placed)


def kimi_convolution(group: TensorGroup, _: ModelSpec) -> list[tuple[str, Shape]]:
    """Kimi's short convolutions of Q, K and V keep an axis in front."""
    part = group.name.rpartition("_conv1d")[0][-1]
    return [(f"blk.{{layer}}.ssm_conv1d_{part}.weight", (1, *group.shape))]


def column(name: str) -> Shaper:
    """A row of numbers, one per head, as a column."""
    return lambda group, _: [(name, (*group.shape, 1))]


def grouped(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """The norm inside Mamba-2, a row for each group."""
    block = _block(Mamba2, group, spec)
    return [("blk.{layer}.ssm_norm.weight", (block.groups, group.shape[0] // block.groups))]


def qkv(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Q, K and V, fused in the checkpoint, each by itself."""
    block = _block(Attention, group, spec)
    q, kv = block.heads * block.head_dim, block.kv_heads * block.head_dim
    suffix = group.name.rpartition(".")[2]
    rest = group.shape[1:]
    return [(f"blk.{{layer}}.attn_{part}.{suffix}", (rows, *rest)) for part, rows in (("q", q), ("k", kv), ("v", kv))]


def latent(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """MLA's second half, as heads of K (turned) and of V."""
    block = _block(LatentAttention, group, spec)
    return [
        ("blk.{layer}.attn_k_b.weight", (block.heads, block.kv_rank, block.nope)),
        ("blk.{layer}.attn_v_b.weight", (block.heads, block.v_head, block.kv_rank)),
    ]


def delta(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Qwen3-Next's inputs of the delta net, and its gate."""
    block = _block(GatedDeltaNet, group, spec)
    gate = block.value_heads * block.value_dim
    rows, columns = group.shape
    return [("blk.{layer}.attn_qkv.weight", (rows - gate, columns)), ("blk.{layer}.attn_gate.weight", (gate, columns))]


_EXPERTS = ("blk.{layer}.ffn_gate_exps.weight", "blk.{layer}.ffn_up_exps.weight")
_EXPERT_BIASES = ("blk.{layer}.ffn_gate_exps.bias", "blk.{layer}.ffn_up_exps.bias")
_SHARED = ("blk.{layer}.ffn_gate_shexp.weight", "blk.{layer}.ffn_up_shexp.weight")
_DENSE = ("blk.{layer}.ffn_gate.weight", "blk.{layer}.ffn_up.weight")
_DOWN = "blk.{layer}.ffn_down_exps.weight"
_CONVOLUTION = flat("blk.{layer}.ssm_conv1d.weight")
_COLUMN_A, _COLUMN_D = column("blk.{layer}.ssm_a"), column("blk.{layer}.ssm_d")

SHAPED: dict[tuple[str, str], Shaper] = {
    ("", "layers.{layer}.self_attn.kv_b_proj.weight"): latent,
    ("minicpm3", "layers.{layer}.self_attn.kv_b_proj.weight"): named("blk.{layer}.attn_kv_b.weight"),
    # Q, K and V
    ("", "layers.{layer}.self_attn.W_pack.weight"): qkv,
    ("internlm2", "layers.{layer}.attention.wqkv.weight"): qkv,
    ("bailingmoe", "layers.{layer}.attention.query_key_value.weight"): qkv,
    ("gpt2", "h.{layer}.attn.c_attn.weight"): turned("blk.{layer}.attn_qkv.weight"),
    ("gpt2", "h.{layer}.attn.c_proj.weight"): turned("blk.{layer}.attn_output.weight"),
    ("gpt2", "h.{layer}.mlp.c_fc.weight"): turned("blk.{layer}.ffn_up.weight"),
    ("gpt2", "h.{layer}.mlp.c_proj.weight"): turned("blk.{layer}.ffn_down.weight"),
    # gate and up
    ("gpt-oss", "layers.{layer}.mlp.experts.gate_up_proj"): halves(*_EXPERTS, reverse=True),
    ("gpt-oss", "layers.{layer}.mlp.experts.gate_up_proj_bias"): halves(*_EXPERT_BIASES),
    ("gpt-oss", "layers.{layer}.mlp.experts.down_proj"): turned(_DOWN),
    ("llama4", "layers.{layer}.feed_forward.experts.gate_up_proj"): halves(*_EXPERTS, reverse=True),
    ("llama4", "layers.{layer}.feed_forward.experts.down_proj"): turned(_DOWN),
    ("qwen35moe", "layers.{layer}.mlp.experts.gate_up_proj"): halves(*_EXPERTS),
    ("", "layers.{layer}.block_sparse_moe.input_linear.weight"): halves(*_EXPERTS),
    ("", "layers.{layer}.shared_mlp.input_linear.weight"): shared_gate_up,
    ("", "layers.{layer}.shared_mlp.output_linear.weight"): shared_down,
    ("openelm", "layers.{layer}.ffn.proj_1.weight"): halves(*_DENSE),
    ("dbrx", "blocks.{layer}.ffn.experts.mlp.w2"): turned(_DOWN),
    **{("stablelm", f"layers.{{layer}}.self_attn.{part}_layernorm.norms.{{head}}.weight"): heads_norm for part in "qk"},
    # tables
    ("gemma3", "embed_tokens.weight"): gemma3_tokens,
    ("gemma3n", "embed_tokens_per_layer.weight"): gemma3n_tokens,
    ("bert", "embeddings.position_embeddings.weight"): positions,
    **{
        ("gemma3n", f"{name}.{n}.weight"): stacked(f"{target}.weight", n)
        for name, target in (("altup_projections", "altup_proj"), ("altup_unembed_projections", "altup_unembd_proj"))
        for n in range(3)
    },
    # recurrent layers
    ("falcon-h1", "layers.{layer}.pre_ff_layernorm.weight"): named("blk.{layer}.ffn_norm"),
    **{("kimi-linear", f"layers.{{layer}}.self_attn.{part}_conv1d.weight"): kimi_convolution for part in "qkv"},
    ("", "layers.{layer}.linear_attn.in_proj_qkvz.weight"): delta,
    ("", "layers.{layer}.linear_attn.conv1d.weight"): _CONVOLUTION,
    ("", "layers.{layer}.mixer.conv1d.weight"): _CONVOLUTION,
    ("", "layers.{layer}.mamba.conv1d.weight"): _CONVOLUTION,
    ("", "layers.{layer}.conv.conv.weight"): flat("blk.{layer}.shortconv.conv.weight"),
    **{
        (arch, f"layers.{{layer}}.{block}.{part}"): shaper
        for arch in ("mamba2", "falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe")
        for block in ("mixer", "mamba")
        for part, shaper in (("A_log", _COLUMN_A), ("D", _COLUMN_D), ("norm.weight", grouped))
    },
}
