"""What loading a model takes of each rank under TensorRT-LLM's PyTorch backend.

Read in TensorRT-LLM, files under ``tensorrt_llm/_torch/``:

- matrices are shared as vLLM shares them, KV heads repeated where there are more ranks (``models/modeling_utils.py``,
  `duplicate_kv_weight`); rows of the embedding and the head are rounded up to the ranks (``modules/embedding.py``);
- NVFP4's scales are rounded up to 128 rows and 4 columns; FP8's of 128 x 128 are copied for each row, a byte for each
  128 inputs and four of them together, on Blackwell (``modules/linear.py``, `NVFP4LinearMethod`,
  `FP8BlockScalesLinearMethod`); experts keep what the checkpoint has;
- of latent attention the part of ``kv_b_proj`` that makes keys lies there a second time, and of FP8 in blocks all of
  it once more in 16 bits on data centre Blackwell (``modules/attention.py``, `MLA.create_weights`);
- both sides of experts in MXFP4 are rounded up to 128: gpt-oss-120b's 63.32 GiB are met so to the last printed digit
  (tests/truth/tensorrt_llm.json);
- 4-bit weights are ModelOpt's AWQ alone, ``w4a16`` here: a 16-bit scale for each input besides that of each group of
  128 (``pre_quant_scale``).

A tower is taken as whole on every rank, which is the most it can be.
"""

from __future__ import annotations

from math import ceil, prod

from llmscale.formats.recipe import Quant
from llmscale.formats.weights import assign_format
from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.inventory import TensorGroup
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.blocks import computed
from llmscale.runtimes.parallel.mxfp4 import Kernel
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel, part
from llmscale.runtimes.parallel.shards import PlaneBytes, Shard, Whole, shards, text_blocks
from llmscale.runtimes.parallel.split import VOCABULARY

#: Experts in MXFP4: what both of their sides are rounded up to.
CUTLASS = Kernel(128, 128)
#: Number formats whose scales are laid out anew, and rows and columns that they are rounded up to.
NVFP4, SCALE_ROWS, SCALE_COLUMNS, VECTOR = "nvfp4", 128, 4, 16
FP8_BLOCK, GROUP, PACKED = "fp8_block", 128, 4
W4 = "ct_w4"
#: Compute capability of Blackwell's first cards, and of those that are none of the data centre.
BLACKWELL, CONSUMER = 10.0, 12.0
HALF = 2


def loaded_bytes(
    spec: ModelSpec, quant: Quant, parallel: Parallel, stage: int = 0, capability: float | None = None
) -> int:
    """Bytes of one rank of a stage.

    Raises:
        UnsupportedModelError, UsageError: what the formats cannot hold, and a split that cuts groups.
    """
    sizes = sizes_of(quant, capability or 0.0)
    held = shards(spec, Whole(towers=frozenset({spec.family})), parallel, stage)
    copies = latent_copies(spec, quant, parallel.tensor, capability or 0.0) // parallel.pipeline
    return sum(_bytes(shard, sizes, parallel.tensor) for shard in held) + copies


def sizes_of(quant: Quant, capability: float) -> PlaneBytes:
    """Bytes of one tensor of a group with some shape, as TensorRT-LLM holds it once it is loaded."""
    checkpoint = planes_of(quant, CUTLASS)

    def size(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        planes, form = checkpoint(group, shape), assign_format(quant, group)[1].id
        if len(shape) != 2:
            return planes
        rows, columns = shape[::-1] if group.transposed else shape
        if form == W4:
            return (*planes, columns * HALF)
        if group.component == "experts":
            return planes
        if form == NVFP4:
            return prod(shape) // 2, _up(rows, SCALE_ROWS) * _up(columns // VECTOR, SCALE_COLUMNS)
        if form == FP8_BLOCK and capability >= BLACKWELL:
            return prod(shape), rows * _up(ceil(columns / GROUP), PACKED)
        return planes

    return size


def latent_copies(spec: ModelSpec, quant: Quant, tensor: int, capability: float) -> int:
    """Bytes of what latent attention holds a second time, of all layers on one rank."""
    blocked = FP8_BLOCK in quant.rules.values()
    total = 0
    for placed in text_blocks(spec):
        block = computed(placed.block)
        if isinstance(block, LatentAttention):
            heads = part(block.heads, tensor)
            keys, values = (heads * block.kv_rank * width for width in (block.nope, block.v_head))
            again = keys if blocked else keys * HALF
            if blocked and BLACKWELL <= capability < CONSUMER:
                again += (keys + values) * HALF
            total += len(placed.layers) * again
    return total


def _bytes(shard: Shard, sizes: PlaneBytes, tensor: int) -> int:
    if shard.group.role not in VOCABULARY:
        return shard.copies * sum(sizes(shard.group, shard.shape))
    rows, *rest = shard.group.shape
    return shard.copies * sum(sizes(shard.group, (ceil(rows / tensor), *rest)))


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
