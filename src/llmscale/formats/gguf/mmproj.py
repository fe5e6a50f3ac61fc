"""The file of a vision (and audio) tower that llama.cpp's converter writes with ``--mmproj``: its tensors and types.

Source: conversion/base.py (`prepare_tensors`, `MmprojModel`) and the module of each family, llama.cpp 0c1e57098. What
has one axis, biases and tables of positions are F32. Patch embeddings and patch mergers are F16 in an F16 file and F32
in any other. The rest is in the file's type, or in F16 where its rows are no multiple of a block. Tensors that the
converter splits (fused Q, K and V, the two halves of a patch embedding over time) take what they took.

A file that llama-quantize made of an F16 one is another: its patch embedding stays F16.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format
from llmscale.formats.gguf.convert import TOWERS
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.model.spec import ModelSpec

#: What ``--outtype`` is called, and the number format.
FORMS = {"f16": "fp16", "bf16": "bf16", "q8_0": "q8_0", "f32": "fp32"}
DEFAULT = "f16"
#: Families whose converted files were held against the converter's own, and tensors that it keeps in another type.
FORCED: dict[str, dict[str, str]] = {
    "gemma3": {"*.mm_input_projection_weight": "fp16", "*.embeddings.*": "fp32"},
    "gemma4": {"*audio_tower*.conv*": "fp32", "*audio_tower*_conv*": "fp32"},
    "glm4v": {},
    "glm4v_moe": {},
    "idefics3": {"*.embeddings.*": "fp32"},
    "llama4": {},
    "mistral3": {},
    "pixtral": {},
    "qwen2_5_vl": {},
    "qwen2_vl": {},
    "qwen3_5": {},
    "qwen3_5_moe": {},
    "qwen3_vl": {},
    "qwen3_vl_moe": {},
    "smolvlm": {"*.embeddings.*": "fp32"},
}
#: Published names of what the converter calls a position embedding, and a patch embedding or merger.
POSITIONS = ("*.position_embedding.weight", "*.position_embedding_table", "*.pos_embed.weight", "*.positional_*")
PATCHES = (
    "*.patch_embedding.weight",
    "*.patch_embed.proj.weight",
    "*.patch_conv.weight",
    "*.patch_embedding.linear.weight",
    "*.patch_embedder.input_proj.weight",
    "*.patch_merger.merging_layer.weight",
    "*visual.downsample.weight",
)


def projector(spec: ModelSpec, parts: Inventory, form: str) -> tuple[StoredTensor, ...]:
    """The tensors of the tower's file, with names as they were published.

    Args:
        form: a key of `FORMS`.

    Raises:
        UsageError: a type that the converter does not write, a model without a tower.
        UnsupportedModelError: a tower whose file nobody checked.
    """
    if form not in FORMS:
        raise UsageError(f"--mmproj '{form[:40]}' is no type of a projector file.", f"One of: {', '.join(FORMS)}.")
    towers = [group for group in parts.stored() if group.component in TOWERS]
    if not towers:
        raise UsageError(f"{spec.name} has no vision tower, so there is nothing for --mmproj.", "Leave --mmproj out.")
    family = _family(spec, towers)
    if family not in FORCED:
        raise UnsupportedModelError(
            f"What llama.cpp's converter makes of the tower of {spec.name} was never checked, or it makes nothing.",
            f"--mmproj is known for: {', '.join(FORCED)}.",
        )
    return tuple(_stored(family, group, FORMS[form]) for group in (*towers, *_added(family, spec)))


def tower(spec: ModelSpec, parts: Inventory) -> tuple[str, int]:
    """What a model's towers go by: the converter's class, and their parameters."""
    towers = [group for group in parts.stored() if group.component in TOWERS]
    return _family(spec, towers), sum(group.parameters for group in towers)


def _family(spec: ModelSpec, towers: list[TensorGroup]) -> str:
    """The converter's class: Pixtral's published config is LLaVA's."""
    return "pixtral" if spec.family == "llava" and any("patch_conv" in group.name for group in towers) else spec.family


def _added(family: str, spec: ModelSpec) -> Iterator[TensorGroup]:
    """The embedding of the token that ends a row of patches: clip.cpp loads no file of Pixtral's kind without it."""
    if family in ("pixtral", "mistral3"):
        yield TensorGroup("v.token_embd.img_break", "embedding", "projector", (spec.hidden_size,), (), 1, 1, None)


def _stored(family: str, group: TensorGroup, wanted: str) -> StoredTensor:
    return StoredTensor(group, number_format(_form(family, group, wanted)))


def _form(family: str, group: TensorGroup, wanted: str) -> str:
    name = group.name
    if len(group.shape) < 2 or _like(name, POSITIONS) or not name.endswith("weight"):
        return "fp32"
    for pattern, form in FORCED[family].items():
        if fnmatchcase(name, pattern):
            return form
    if _like(name, PATCHES):
        return "fp16" if wanted == "fp16" else "fp32"
    return "fp16" if wanted == "q8_0" and group.shape[-1] % 32 else wanted


def _like(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
