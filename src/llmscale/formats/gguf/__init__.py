"""GGUF files: what llama.cpp's converter writes of a model, and the type that `llama-quantize` gives each tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llmscale.formats.catalogue import format_of
from llmscale.formats.gguf.convert import GgufModel, convert
from llmscale.formats.gguf.presets import CONVERTED
from llmscale.formats.gguf.ranks import Ranked, RankedModel, file_shape, ranked
from llmscale.formats.gguf.rules import chosen
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import Inventory
from llmscale.model.spec import ModelSpec

#: What the converter writes of a tensor that is not published packed. What is, every published file keeps so (sizes of
#: gpt-oss-120b: tests/formats/gguf/test_presets.py); ``--allow-requantize`` would be needed for anything else.
PLAIN = ("fp32", "fp16", "bf16")
__all__ = ["GgufModel", "assign_preset", "convert", "keeps_packed", "tensor_types"]


def assign_preset(preset: str, spec: ModelSpec, parts: Inventory) -> tuple[StoredTensor, ...]:
    """Every tensor of the GGUF file that `llama-quantize` writes with `preset`, and its type.

    Tensors of one name that get several types are as many entries; all experts of a layer are one tensor.

    Args:
        preset: as `llama-quantize` has it, ``Q4_K_M``; ``F16_CONVERT`` for the converter's own file.

    Raises:
        UnsupportedModelError: llama.cpp does not know the architecture, or cannot make this preset of it.
    """
    model = _ranked(spec, parts)
    if preset == CONVERTED:
        return tuple(StoredTensor(each.tensor.group, format_of(each.tensor.form)) for each in model.tensors)
    return tuple(stored for each in model.tensors for stored in _typed(preset, model, each))


def keeps_packed(spec: ModelSpec, parts: Inventory) -> bool:
    """Whether some tensors are published packed and stay so in every file (gpt-oss: experts in MXFP4)."""
    return any(each.form not in PLAIN for each in convert(spec, parts).tensors)


def tensor_types(stored: Iterable[StoredTensor]) -> dict[str, dict[str, int]]:
    """How many tensors of each kind are in which type: ``{"attn_v": {"Q6_K": 16, "Q4_K": 16}}``.

    Of matrices alone, and not of those that stay in F32.
    """
    kinds: dict[str, Counter[str]] = {}
    for group, form in stored:
        if form.id != "fp32" and len(file_shape(group)) > 1:
            kind = group.name.removesuffix(".weight").removeprefix("blk.{layer}.")
            kinds.setdefault(kind, Counter())[form.name] += max(1, len(group.layers))
    return {kind: dict(types) for kind, types in kinds.items()}


#: The model that was ranked last, by identity (hashing an inventory takes longer than ranking it): whoever asks for one
#: preset asks for more of the same model.
_last: list[tuple[ModelSpec, Inventory, RankedModel]] = []


def _ranked(spec: ModelSpec, parts: Inventory) -> RankedModel:
    for last_spec, last_parts, model in _last:
        if last_spec is spec and last_parts is parts:
            return model
    model = ranked(convert(spec, parts))
    _last[:] = [(spec, parts, model)]
    return model


def _typed(preset: str, model: RankedModel, each: Ranked) -> Iterable[StoredTensor]:
    group = each.tensor.group
    if not each.touched or each.tensor.form not in PLAIN:
        return [StoredTensor(group, format_of(each.tensor.form))]
    types = [chosen(preset, each.kind, each.stacked, each.row, model.traits, at) for at in each.positions]
    if len(set(types)) == 1:
        return [StoredTensor(group, format_of(types[0]))]
    layers: dict[str, list[int]] = {}
    for form, layer in zip(types, group.layers, strict=True):
        layers.setdefault(form, []).append(layer)
    return [StoredTensor(group._replace(layers=tuple(alike)), format_of(form)) for form, alike in layers.items()]
