"""Where each tensor of a GGUF file stands in the order in which `llama-quantize` counts: by layer, then by name.

Source: `weight_name_comparer` of src/llama-model-loader.h and the counters of src/llama-quant.cpp, llama.cpp 0c1e57098.
Names that do not begin with ``blk.`` (T5's ``enc.blk.``) have no layer there and come first, by their letters.
"""

from __future__ import annotations

from collections import defaultdict

from llmscale.formats.gguf.category import COUNTED, Category, category, quantised
from llmscale.formats.gguf.convert import Converted, GgufModel
from llmscale.formats.gguf.rules import Position, Traits
from llmscale.model.inventory import TensorGroup
from llmscale.records import NamedTuple

NOWHERE = Position(0, -1)


class Ranked(NamedTuple):
    """Tensors of one name, and what the presets' rules ask of them.

    Attributes:
        touched: whether they are quantised at all.
        stacked: whether each is a stack of matrices.
        row: elements of a row.
        positions: one for each layer where the type depends on it, in the order of the layers; else one for all.
    """

    tensor: Converted
    kind: Category
    touched: bool
    stacked: bool
    row: int
    positions: tuple[Position, ...]


class RankedModel(NamedTuple):
    """A model, ready for any preset."""

    traits: Traits
    tensors: tuple[Ranked, ...]


def ranked(model: GgufModel) -> RankedModel:
    """Category and positions of every tensor."""
    kinds = [category(tensor.group.name) for tensor in model.tensors]
    touched = [quantised(tensor.group.name, file_shape(tensor.group)) for tensor in model.tensors]
    counted: dict[str, list[tuple[int, str, int, int]]] = defaultdict(list)
    for index, (tensor, kind) in enumerate(zip(model.tensors, kinds, strict=True)):
        if touched[index] and kind in COUNTED:
            counted[COUNTED[kind]] += [(*order, index, at) for at, order in enumerate(_orders(tensor.group))]
    positions: dict[int, dict[int, Position]] = defaultdict(dict)
    for entries in counted.values():
        for rank, (layer, _, index, at) in enumerate(sorted(entries)):
            positions[index][at] = Position(rank, layer)
    values = sum(max(1, len(t.group.layers)) for t, kind in zip(model.tensors, kinds, strict=True) if kind in _VALUES)
    traits = Traits(
        arch=model.arch,
        gqa=model.gqa,
        experts=model.experts,
        layers=model.layers,
        values=values,
        seventy_b=model.seventy_b,
        tied=Category.OUTPUT not in kinds,
    )
    return RankedModel(
        traits,
        tuple(
            Ranked(
                tensor,
                kinds[index],
                touched[index],
                _stacked(tensor.group),
                tensor.group.shape[-1] if tensor.group.shape else 1,
                tuple(positions[index][at] for at in sorted(positions[index])) or (NOWHERE,),
            )
            for index, tensor in enumerate(model.tensors)
        ),
    )


_VALUES = {kind for kind, name in COUNTED.items() if name == "value"}


def file_shape(group: TensorGroup) -> tuple[int, ...]:
    """The shape in the file, where all experts of a layer are one tensor."""
    return (group.experts, *group.shape) if group.experts > 1 else group.shape


def _stacked(group: TensorGroup) -> bool:
    shape = file_shape(group)
    return len(shape) > 2 and shape[-3] > 1


def _orders(group: TensorGroup) -> list[tuple[int, str]]:
    """Layer and name of each tensor, in the order of the group's layers."""
    numbered = group.name.startswith("blk.")
    names = [(layer, group.name.replace("{layer}", str(layer))) for layer in group.layers]
    return [(layer if numbered else -1, name) for layer, name in names] or [(-1, group.name)]
