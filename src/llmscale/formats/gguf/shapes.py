"""Tensors that llama.cpp's converter does not only rename: it splits, turns or flattens them.

Each entry: (architecture, or "" for all; published name without its prefix) to what makes of a group the new names and shapes.
A shape is that of one tensor, of one expert where there are several; rows (outputs) come before columns (inputs).
"""

from __future__ import annotations

from collections.abc import Callable

from llmscale.blocks.attention import Attention, LatentAttention
from llmscale.blocks.recurrent import GatedDeltaNet
from llmscale.inventory import TensorGroup
from llmscale.spec import ModelSpec

Shape = tuple[int, ...]
Shaper = Callable[[TensorGroup, ModelSpec], list[tuple[str, Shape]]]


def _block(kind: type, group: TensorGroup, spec: ModelSpec) -> object:
    return next(
        placed.block
        for placed in spec.placed
        if isinstance(placed.block, kind) and set(group.layers) & set(placed.layers)
    )


def halves(*names: str, turned: bool = False) -> Shaper:
    """Rows (or, of a tensor stored the other way round, columns) in as many equal parts as there are names."""

    def shape(group: TensorGroup, _: ModelSpec) -> list[tuple[str, Shape]]:
        *rest, rows = group.shape[::-1] if turned else (*group.shape[1:], group.shape[0])
        if len(group.shape) == 1:
            return [(name, (group.shape[0] // len(names),)) for name in names]
        return [(name, (rows // len(names), *rest)) if not turned else (name, (group.shape[1] // len(names), group.shape[0])) for name in names]

    return shape


def turned(name: str) -> Shaper:
    """A matrix stored (inputs, outputs)."""
    return lambda group, _: [(name, group.shape[::-1])]


def flat(name: str) -> Shaper:
    """A convolution of one input channel: its middle axis goes."""
    return lambda group, _: [(name, tuple(size for size in group.shape if size != 1))]


def qkv(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Q, K and V, fused in the checkpoint, each by itself."""
    block = _block(Attention, group, spec)
    assert isinstance(block, Attention)
    q, kv = block.heads * block.head_dim, block.kv_heads * block.head_dim
    suffix = group.name.rpartition(".")[2]
    rest = group.shape[1:]
    return [(f"blk.{{layer}}.attn_{part}.{suffix}", (rows, *rest)) for part, rows in (("q", q), ("k", kv), ("v", kv))]


def latent(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """MLA's second half, as heads of K (turned) and of V."""
    block = _block(LatentAttention, group, spec)
    assert isinstance(block, LatentAttention)
    return [
        ("blk.{layer}.attn_k_b.weight", (block.heads, block.kv_rank, block.nope)),
        ("blk.{layer}.attn_v_b.weight", (block.heads, block.v_head, block.kv_rank)),
    ]


def delta(group: TensorGroup, spec: ModelSpec) -> list[tuple[str, Shape]]:
    """Qwen3-Next's inputs of the delta net, and its gate."""
    block = _block(GatedDeltaNet, group, spec)
    assert isinstance(block, GatedDeltaNet)
    gate = block.value_heads * block.value_dim
    rows, columns = group.shape
    return [("blk.{layer}.attn_qkv.weight", (rows - gate, columns)), ("blk.{layer}.attn_gate.weight", (gate, columns))]


_GATE_UP = ("blk.{layer}.ffn_gate_exps.weight", "blk.{layer}.ffn_up_exps.weight")

SHAPED: dict[tuple[str, str], Shaper] = {
    ("", "layers.{layer}.self_attn.kv_b_proj.weight"): latent,
    ("", "layers.{layer}.self_attn.W_pack.weight"): qkv,
    ("internlm2", "layers.{layer}.attention.wqkv.weight"): qkv,
    ("bailingmoe", "layers.{layer}.attention.query_key_value.weight"): qkv,
    ("", "layers.{layer}.linear_attn.in_proj_qkvz.weight"): delta,
    ("", "layers.{layer}.linear_attn.conv1d.weight"): flat("blk.{layer}.ssm_conv1d.weight"),
}

