"""What llama.cpp's converter makes of a model: its tensors' GGUF names, shapes, and which of them stay in F32.

Source: conversion/*.py and gguf-py/gguf/tensor_mapping.py of llama.cpp 0c1e57098. A published tensor goes through
three tables: its new name, or that it is left out (`names`), what is cut or turned on the way (`shapes.SHAPED`), and
the few that an architecture adds (`_added`). All experts of a layer become one tensor.
The text model alone is converted: towers go to a file of their own (``--mmproj``), and layers for multi-token
prediction are left out, as ``--no-mtp`` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.errors import UnsupportedModelError
from llmscale.formats.gguf.names import gguf_name, is_dropped, stripped
from llmscale.formats.gguf.shapes import SHAPED, Shape
from llmscale.formats.gguf.structure import architecture, attentions, first_attention, gqa, is_seventy_b, layers_all
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple

#: Components that the text model's file does not hold.
TOWERS = ("vision", "audio", "projector")
#: Matrices that the converter keeps in F32, by the last part of the name before ``.weight``.
SINGLE = {
    "position_embd",
    "token_types",
    "ffn_gate_inp",
    "ffn_gate_inp_shexp",
    "ssm_conv1d",
    "ssm_conv1d_q",
    "ssm_conv1d_k",
    "ssm_conv1d_v",
    "shortconv.conv",
    "indexer.proj",
    "altup_correct_coef",
    "altup_predict_coef",
}


#: Architectures whose converter writes a table for ``llama3`` scaling, and for ``longrope``.
LLAMA3 = ("apertus", "arcee", "deci", "exaone", "exaone4", "granite", "llama", "llama4", "mistral3", "smollm3")
LONGROPE = ("minicpm", "minicpm3", "phi3", "phimoe")


#: What the configuration class (transformers 5.23) means where a file says nothing.
DEFAULT_SCALING = {"apertus": "llama3"}
#: Architectures whose checkpoints hold the head besides the embedding even where the two are one.
HEADS_APART = ("falcon",)


class Converted(NamedTuple):
    """Tensors of one name in the GGUF file that the converter writes, and their type there."""

    group: TensorGroup
    form: str


class GgufModel(NamedTuple):
    """A model as its GGUF file has it.

    Attributes:
        arch: llama.cpp's name of the architecture.
        gqa: query heads per KV head of the first layer, as the metadata has them.
        experts: routed experts of a layer.
        layers: all layers.
        seventy_b: whether llama.cpp takes it for a 70B, which changes what some presets do.
        tensors: with ``{layer}`` in names; experts are one tensor a layer, counted by `TensorGroup.experts`.
    """

    arch: str
    gqa: int
    experts: int
    layers: int
    seventy_b: bool
    tensors: tuple[Converted, ...]


def convert(spec: ModelSpec, parts: Inventory) -> GgufModel:
    """What the converter writes.

    Raises:
        UnsupportedModelError: llama.cpp has no such architecture, or what it makes of this one was never checked.
    """
    arch = architecture(spec, parts)
    if not arch:
        raise UnsupportedModelError(
            f"llama.cpp has no architecture for '{spec.family}', or none that llmscale has checked its files of.",
            "Formats that keep the published tensors, such as fp16 or nf4, work.",
        )
    groups = parts.groups if arch in HEADS_APART else parts.stored()
    text = [group for group in groups if group.component not in TOWERS]
    tensors = [made for group in text for made in _converted(arch, spec, group)]
    tensors += [Converted(_single(name, shape), "fp32") for name, shape in _added(arch, spec)]
    experts = max((made.group.experts for made in tensors if "_exps" in made.group.name), default=0)
    return GgufModel(
        arch, gqa(arch, spec), experts, layers_all(arch, spec), is_seventy_b(arch, spec, experts), tuple(tensors)
    )


def _converted(arch: str, spec: ModelSpec, group: TensorGroup) -> Iterator[Converted]:
    source = stripped(group.name)
    if is_dropped(arch, source):
        return
    shaped = SHAPED.get((arch, source)) or SHAPED.get(("", source))
    outputs = shaped(group, spec) if shaped else [(_renamed(arch, source, group), group.shape)]
    for name, shape in outputs:
        made = group._replace(name=name, shape=shape, tied_to=None)
        packed = arch == "gpt-oss" and name.endswith("_exps.weight")  # published in MXFP4, and kept so
        yield Converted(made, "mxfp4_ggml" if packed else converted_type(arch, made))


def _renamed(arch: str, source: str, group: TensorGroup) -> str:
    name = gguf_name(arch, source)
    if name is None:
        raise UnsupportedModelError(
            f"llama.cpp's converter has no name for '{group.name}' in the architecture '{arch}', "
            "or none that llmscale has checked."
        )
    return name


def converted_type(arch: str, group: TensorGroup) -> str:
    """F32 for what has one axis, norms, and what later code expects in F32; F16 for the rest."""
    name = group.name
    axes = len(group.shape) + (group.experts > 1)
    single = axes < 2 or name.endswith("_norm.weight") or not name.endswith(".weight")
    if arch == "dbrx":
        return "fp16" if axes > 1 else "fp32"
    part = name.removesuffix(".weight").removeprefix("blk.{layer}.")
    return "fp32" if single or part in SINGLE else "fp16"


def _single(name: str, shape: Shape) -> TensorGroup:
    return TensorGroup(name, "other.rope", "other", shape, (), 1, 1, None)


def _added(arch: str, spec: ModelSpec) -> Iterator[tuple[str, Shape]]:
    """Factors of the rotary frequencies, which the publisher gives in the config, not in the checkpoint."""
    found = first_attention(spec)
    if found is None:
        return
    block = found[1]
    if arch == "gemma4":
        full = next(b for b in attentions(spec) if isinstance(b, Attention) and b.window is None)
        yield "rope_freqs.weight", (full.head_dim // 2,)
    elif (
        (spec.rope_scaling or DEFAULT_SCALING.get(arch)) == "llama3" and arch in LLAMA3 and isinstance(block, Attention)
    ):
        yield "rope_freqs.weight", (block.head_dim // 2,)
    elif spec.rope_scaling in ("longrope", "su") and arch in LONGROPE:
        rotary = (
            block.rope
            if isinstance(block, LatentAttention)
            else int(spec.rotary_share * spec.hidden_size) // block.heads
        )
        yield "rope_factors_long.weight", (rotary // 2,)
        yield "rope_factors_short.weight", (rotary // 2,)
