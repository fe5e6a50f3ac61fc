"""The bytes of one rank's part of a tensor in a quant, as `llmscale.runtimes.vllm.shards` asks for them.

A group of values that shares a scale is not cut: vLLM refuses a split that would (``AWQLinearMethod.create_weights`` in
``vllm/model_executor/layers/quantization/awq.py``; github.com/vllm-project/vllm issue 5675). Experts in MXFP4 are
padded instead, see `llmscale.runtimes.vllm.mxfp4`.
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_format
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.vllm.mxfp4 import MARLIN, TRTLLM, Kernel
from llmscale.runtimes.vllm.profile import Device
from llmscale.runtimes.vllm.releases import Release
from llmscale.runtimes.vllm.shards import PlaneBytes

#: The number format of gpt-oss's experts, and the family whose experts have kernels of their own.
MXFP4, GPT_OSS = "mxfp4", "gpt_oss"


def refuse_foreign(quant: Quant) -> None:
    """Raises:
    UnsupportedModelError: a quant that others read.
    """
    if quant.kind == "gguf" or (quant.readers and "vllm" not in (*quant.readers, quant.runtime)):
        raise UnsupportedModelError(
            f"vLLM does not run {quant.name}.", f"Its own runtime is {quant.runtime}; see llmscale quants list."
        )


def planes_of(quant: Quant, kernel: Kernel = MARLIN) -> PlaneBytes:
    """Bytes of a tensor of some group and some shape, in the orientation of the checkpoint, by plane.

    Values, scales and zero points are tensors of their own in memory. The callable raises what
    `assign_format` does, and UsageError for a split that cuts a group of values.

    Args:
        kernel: of experts in MXFP4, see `kernel_of`.
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
        if not form.holds(rank):
            raise UsageError(
                f"The input size of {group.name} is not aligned with the quantized weight shape. This can be caused by "
                "too large tensor parallel size.",
                "Take a smaller tensor parallel size (--tp).",
            )
        return _by_plane(form, rank, copies)

    return size


def _by_plane(form: Format, shape: tuple[int, ...], copies: int) -> tuple[int, ...]:
    return tuple(copies * replace(form, planes=[plane]).size(shape) for plane in form.planes)


def kernel_of(spec: ModelSpec, quant: Quant, device: Device, rules: Release) -> Kernel:
    """The kernel that computes experts in MXFP4."""
    if spec.family != GPT_OSS or keeps_scratch(quant, tuple(inventory(spec).groups)):
        return MARLIN
    return {9: rules.mxfp4, 10: TRTLLM}.get(int(device.capability), MARLIN)


def keeps_scratch(quant: Quant, groups: tuple[TensorGroup, ...]) -> bool:
    """Whether experts keep their scratch between layers, see `llmscale.runtimes.vllm.profile.activation_peak`."""
    experts = [group for group in groups if group.component == "experts" and len(group.shape) > 1]
    return not any(assign_format(quant, group).form.id == MXFP4 for group in experts)
