"""The tensors of a GGUF file as groups alike, each with the number format that it is in.

Roles go by llama.cpp's names of tensors (gguf-py/gguf/constants.py, `TENSOR_NAMES`, llama.cpp 0c1e57098); a name that
is not here counts as ``other``. Its bytes are exact all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmscale.formats.layout import Format
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import TensorGroup
from llmscale.sources.gguf.header import GgufTensor
from llmscale.sources.gguf.types import format_of_type

#: What stands behind ``blk.N.``, or alone, without ``.weight`` or ``.bias``, to its role.
ROLES = {
    "token_embd": "embedding.token",
    "position_embd": "embedding.position",
    "token_types": "embedding.segment",
    "per_layer_token_embd": "embedding.per_layer",
    "output": "head.out",
    "cls": "head.transform",
    "cls.output": "head.classifier",
    **{f"attn_{part}": f"attention.{part}" for part in ("q", "k", "v", "qkv", "q_a", "q_b", "kv_b", "sinks", "gate")},
    **{f"cross_attn_{part}": f"attention.{part}" for part in ("q", "k", "v", "o")},
    "attn_output": "attention.o",
    "attn_o": "attention.o",
    "attn_out": "attention.o",
    "attn_kv_a_mqa": "attention.kv_a",
    "attn_k_b": "attention.kv_b",
    "attn_v_b": "attention.kv_b",
    "attn_rel_b": "attention.relative_bias",
    **{f"indexer.{part}": "attention.indexer" for part in ("attn_k", "attn_q_b", "proj")},
    **{f"ffn_{part}": f"mlp.{part}" for part in ("gate", "up", "down")},
    **{f"ffn_{part}_exps": f"experts.{part}" for part in ("gate", "up", "down", "gate_up")},
    **{f"ffn_{part}_shexp": f"shared_experts.{part}" for part in ("gate", "up", "down")},
    **{f"ffn_latent_{part}": "experts.latent" for part in ("up", "down")},
    "ffn_gate_inp": "router.weight",
    "ffn_gate_inp_shexp": "router.shared_gate",
    "exp_probs_b": "router.correction_bias",
    **{f"ssm_{part}": f"recurrent.{part}" for part in ("in", "out", "a", "d", "x", "dt")},
    **{f"ssm_conv1d{part}": "recurrent.conv" for part in ("", "_q", "_k", "_v")},
    **{f"ssm_{part}": "recurrent.dt" for part in ("alpha", "beta", "ba", "f_a", "f_b")},
    **{f"ssm_{part}": "recurrent.gate" for part in ("g_a", "g_b")},
    **{f"shortconv.{part}": f"recurrent.{role}" for part, role in (("conv", "conv"), ("in_proj", "in"))},
    "shortconv.out_proj": "recurrent.out",
}
NORM = re.compile(r"(^|[._])norm(_exps|_\d+|$)")
LAYER = re.compile(r"((?:enc\.|dec\.)?blk\.)(\d{1,5})(\..+)")
#: What a vision or audio tower's tensors begin with (tools/mtmd/clip-impl.h).
TOWERS = {"v.": "vision", "a.": "audio", "mm.": "projector"}
EXPERTS = "_exps"


def pattern_of(name: str) -> tuple[str, int | None]:
    """The name with ``{layer}`` in it, and the number of the layer."""
    match = LAYER.fullmatch(name)
    return (f"{match[1]}{{layer}}{match[3]}", int(match[2])) if match else (name, None)


def role_of(pattern: str) -> str:
    """What a tensor is to the model."""
    base = pattern.removeprefix("enc.").removeprefix("dec.").removeprefix("blk.{layer}.")
    base = base.removesuffix(".weight").removesuffix(".bias")
    if base in ROLES:
        return ROLES[base]
    return "norm" if NORM.search(base) else "other.tensor"


def stored_tensors(infos: Iterable[GgufTensor], layers: int, used: int) -> tuple[StoredTensor, ...]:
    """The tensors of a file, those alike together.

    Args:
        layers: of the model; tensors of further ones (multi-token prediction) count as outside them.
        used: experts that a token is sent to.
    """
    alike: dict[tuple[str, tuple[int, ...], str], tuple[list[int], Format]] = {}
    for info in infos:
        pattern, layer = pattern_of(info.name)
        if layer is not None and layer >= layers:
            pattern, layer = info.name, None
        numbers, _ = alike.setdefault((pattern, info.shape, info.type.name), ([], format_of_type(info.type)))
        if layer is not None:
            numbers.append(layer)
    return tuple(
        StoredTensor(group_of(pattern, shape, tuple(sorted(numbers)), used), form)
        for (pattern, shape, _), (numbers, form) in alike.items()
    )


def group_of(pattern: str, shape: tuple[int, ...], layers: tuple[int, ...], used: int) -> TensorGroup:
    """One group; the experts of a layer are one tensor, counted by `TensorGroup.experts`."""
    role = role_of(pattern_of(pattern)[0])
    component = next((tower for start, tower in TOWERS.items() if pattern.startswith(start)), role.partition(".")[0])
    if EXPERTS in pattern and role.startswith("experts.") and len(shape) > 1:
        experts, *shape_of_one = shape
        return TensorGroup(pattern, role, component, tuple(shape_of_one), layers, experts, min(used, experts), None)
    return TensorGroup(pattern, role, component, shape, layers, 1, 1, None)


def shapes(infos: Iterable[GgufTensor]) -> Mapping[str, tuple[int, ...]]:
    """The shape of each tensor, by name; axes of one element in front left out, which converters differ in."""
    return {info.name: trimmed(info.shape) for info in infos}


def trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of one element."""
    return tuple(size for size in shape if size != 1)
