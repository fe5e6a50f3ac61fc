"""What loading a model takes of each rank under TurboMind.

Read in LMDeploy 0.16.0 (commit 1263d5c): ``lmdeploy/turbomind/builders/`` (what ranks share), ``weight_format.py``,
``src/turbomind/models/linear_weight.cc`` (`LinearWeight::prepare`):

- matrices are shared as vLLM shares them; the token embedding is cut along the hidden size, the head by its rows, and
  a tied head is a copy of its own (``lmdeploy/turbomind/models/llama.py``, `add_lm_head`);
- where ranks do not divide the groups of the intermediate size, zeros are added until they do (``builders/ffn.py``);
- of 4-bit weights, AWQ's, GPTQ's and compressed-tensors' alike, each group of 128 has a scale and a zero point of 16
  bits, symmetric ones too (``fuse_scales_and_zeros``, ``_zeros_int4_symmetric``);
- FP8's scales of 128 x 128 stay on compute capability 9.0; on other cards each is copied for its 128 outputs, in 16
  bits (``BlockscaleToGroupscale``).

A tower is taken as whole on every rank, which is the most it can be.
"""

from __future__ import annotations

from math import ceil, prod

from llmscale.formats.recipe import Quant
from llmscale.formats.weights import assign_format
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.mxfp4 import Kernel
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes, Shard, Whole, shards
from llmscale.runtimes.parallel.split import VOCABULARY

#: Number formats of 4 bits in groups of 128, and values and bytes of a group's scale and zero point.
FOUR_BITS, GROUP, GROUP_BYTES = ("awq_g128", "gptq4_g128", "ct_w4"), 128, 4
#: FP8 in blocks, and bytes of a scale that was copied for each output.
FP8, SCALE_BYTES = "fp8_block", 2
#: What the roles of MLPs begin with.
MLPS = ("mlp", "shared_experts", "experts")
#: Compute capability of cards that compute in FP8 with the checkpoint's own scales.
NATIVE_FP8 = 9.0
#: MXFP4 as the checkpoint holds it.
UNPADDED = Kernel(1, 1)


def loaded_bytes(spec: ModelSpec, quant: Quant, tensor: int, capability: float | None) -> int:
    """Bytes of one of `tensor` ranks.

    Raises:
        UnsupportedModelError, UsageError: what the formats cannot hold, and a split that cuts groups.
    """
    whole = Whole(towers=frozenset({spec.family}))
    sizes = sizes_of(quant, native_fp8=capability == NATIVE_FP8)
    held = tuple(shards(spec, whole, Parallel(tensor)))
    return sum(_bytes(shard, sizes, tensor) for shard in held) + _tied_head(spec, sizes, tensor)


def sizes_of(quant: Quant, *, native_fp8: bool) -> PlaneBytes:
    """Bytes of one tensor of a group with some shape, as TurboMind holds it once it is prepared."""
    checkpoint = planes_of(quant, UNPADDED)

    def size(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        form = assign_format(quant, group)[1].id
        if form in (*FOUR_BITS, FP8):
            shape = _in_groups(group, shape)
        planes, values = checkpoint(group, shape), prod(shape)
        if form in FOUR_BITS:
            return values // 2, values // GROUP * GROUP_BYTES
        if form == FP8 and not native_fp8 and len(shape) > 1:
            return values, values // GROUP * SCALE_BYTES
        return planes

    return size


def _in_groups(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a matrix of an MLP with the side that ranks share in whole groups."""
    mlp, _, part = group.role.rpartition(".")
    if len(shape) != 2 or mlp not in MLPS:
        return shape
    outputs, inputs = shape[::-1] if group.transposed else shape
    if part == "down":
        inputs = -(-inputs // GROUP) * GROUP
    else:
        outputs = -(-outputs // GROUP) * GROUP
    return (inputs, outputs) if group.transposed else (outputs, inputs)


def _bytes(shard: Shard, sizes: PlaneBytes, tensor: int) -> int:
    if shard.group.role not in VOCABULARY:
        return shard.copies * sum(sizes(shard.group, shard.shape))
    rows, *rest = shard.group.shape
    return shard.copies * sum(sizes(shard.group, (ceil(rows / tensor), *rest)))


def _tied_head(spec: ModelSpec, sizes: PlaneBytes, tensor: int) -> int:
    """Bytes of the head that repeats the token embedding."""
    tied = (group for group in inventory(spec).groups if group.tied_to and group.role in VOCABULARY)
    return sum(sum(sizes(group, (ceil(group.shape[0] / tensor), *group.shape[1:]))) for group in tied)
