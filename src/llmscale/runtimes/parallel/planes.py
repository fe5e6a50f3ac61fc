"""The bytes of one rank's part of a tensor in a quant, as `llmscale.runtimes.parallel.shards` asks for them.

A group of values that shares a scale is not cut: a split that would is refused (``AWQLinearMethod.create_weights`` in
``vllm/model_executor/layers/quantization/awq.py``; github.com/vllm-project/vllm issue 5675). Experts in MXFP4 are
padded instead, see `llmscale.runtimes.parallel.mxfp4`; those in AWQ and GPTQ get smaller groups, each with a copy of
the scale (``group_size_div_factor`` in ``quantization/moe_wna16.py``; the same file in SGLang).
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.errors import UsageError
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_format
from llmscale.model.inventory import TensorGroup
from llmscale.runtimes.parallel.mxfp4 import MARLIN, Kernel
from llmscale.runtimes.parallel.shards import PlaneBytes

#: The number format of gpt-oss's experts.
MXFP4 = "mxfp4"
#: How the formats begin whose groups experts may halve, and the least that a group may be.
REGROUPED, SMALLEST_GROUP = ("awq", "gptq"), 32


def planes_of(quant: Quant, kernel: Kernel = MARLIN) -> PlaneBytes:
    """Bytes of a tensor of some group and some shape, in the orientation of the checkpoint, by plane.

    Values, scales and zero points are tensors of their own in memory. The callable raises what
    `assign_format` does, and UsageError for a split that cuts a group of values.

    Args:
        kernel: of experts in MXFP4.
    """
    known: dict[str, StoredTensor] = {}

    def size(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        if group.name not in known:
            known[group.name] = assign_format(quant, group)
        whole, form = known[group.name]
        rank = shape[::-1] if group.transposed else shape
        copies = whole.experts // group.experts
        if copies > 1:
            rank = (rank[0] // copies, *rank[1:])
        if form.id == MXFP4 and group.component == "experts" and len(rank) > 1:
            planes = kernel.planes(rank[0], rank[1], down=group.role == "experts.down")
            return tuple(copies * plane for plane in planes)
        if group.component == "experts" and len(rank) == 1:
            return tuple(kernel.bias_bytes * plane // 2 for plane in _by_plane(form, rank, copies))
        if group.component == "experts" and form.id.startswith(REGROUPED):
            form = _regrouped(form, rank)
        if not form.holds(rank):
            raise UsageError(
                f"The input size of {group.name} is not aligned with the quantized weight shape. This can be caused by "
                "too large tensor parallel size.",
                "Take a smaller tensor parallel size (--tp).",
            )
        return _by_plane(form, rank, copies)

    return size


def _regrouped(form: Format, rank: tuple[int, ...]) -> Format:
    """The format with groups halved until they divide both sides of an expert's matrix, or are too small to be."""
    whole = size = max(plane.columns for plane in form.planes)
    while size // 2 >= SMALLEST_GROUP and any(side % size for side in rank):
        size //= 2
    planes = [plane._replace(columns=size) if plane.columns == whole else plane for plane in form.planes]
    return replace(form, multiple=min(size, form.multiple), planes=planes)


def _by_plane(form: Format, shape: tuple[int, ...], copies: int) -> tuple[int, ...]:
    return tuple(copies * size for size in form.by_plane(shape))
