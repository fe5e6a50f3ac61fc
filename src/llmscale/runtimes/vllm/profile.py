"""The activation peak of vLLM's profile run: what the forward pass and the sampler hold at their widest.

vLLM sizes the KV cache by running the model once over ``--max-num-batched-tokens`` dummy tokens of ``--max-num-seqs``
requests and taking the most that PyTorch had allocated above the weights (``profile_run`` and ``_dummy_sampler_run``
in ``vllm/v1/worker/gpu_model_runner.py``, ``memory_profiling`` in ``vllm/utils/mem_utils.py``; 0.19.0). That is the
larger of two moments, on top of what stays allocated through both:

- The sampler (``vllm/v1/sample/sampler.py``): per request and vocabulary entry the logits in the model's format, their
  FP32 copy, the probabilities and the random numbers that divide them; the last hidden states of all tokens; a copy
  and a random stand-in of those that are sampled. Until 0.16 top-p sorts the logits, which takes 38 bytes an entry in
  all: measured, of which 18 are the tensors that the source names and the rest is scratch of ``torch.sort``. From 0.17
  a kernel searches a pivot and has one row of FP32 per multiprocessor as scratch
  (``vllm/v1/sample/ops/topk_topp_triton.py``).
- The forward pass, at the activation of the widest block: gate and up and their product, and three residual streams
  (the last layer's, this layer's and the attention's output), and 42 MiB that two measured rows show and no tensor that
  we know explains. MLA sets up K and V of a cached context besides, of eight whole requests and at most 65,536 tokens
  (``layers/attention/mla_attention.py``): read, no row has it for its peak.
- The vision tower of models whose images vary in size, over the largest image there is (16,384 tokens of Qwen's):
  pixels, three residual streams and the widest activation of its feed-forward block for each patch. Two logs agree
  (tests/truth/vllm_more.json: Qwen3-VL-2B, Qwen3.5-9B); other towers see images that are too small to be the peak.
- Through both: cuBLAS's workspace (PyTorch's ``aten/src/ATen/cuda/CublasHandlePool.cpp``), the scratch of
  mixtures of experts (``workspace_shapes`` of ``TritonExperts``, kept by ``vllm/v1/worker/workspace.py``), and for
  models that see, dummy embeddings of a whole step, or of the largest image, and the pixels they are made of.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.mlp import GatedMlp, MergedExperts, MixtureOfExperts, Mlp, PackedExperts, StackedExperts
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import Block, ModelSpec
from llmscale.runtimes.vllm.releases import Batch, Release
from llmscale.runtimes.vllm.shards import ALONE, Parallel, computed, deepstack
from llmscale.units import KIB, MIB

FP32 = 4
#: Bytes of a logit besides its copy in the model's format. "flashinfer" is not measured: vLLM's FP32 copy (read), and
#: FlashInfer's masked logits and probabilities (recalled).
SAMPLER_BYTES = {"sort": 36, "pivot": 12, "flashinfer": 12}
#: Streaming multiprocessors of an H100 SXM, for a device that does not say.
MULTIPROCESSORS = 132
#: From Hopper on, and before.
CUBLAS_HOPPER, CUBLAS_AMPERE = 32 * MIB, 8 * MIB + 128 * KIB
#: Residual streams that are alive with the feed-forward block's widest activation.
STREAMS = 3
#: Measured on two models (tests/truth/vllm.json), not explained.
FORWARD_REST = 42 * MIB
#: Cached tokens that MLA's prefill unpacks at once: those of so many requests or blocks a request, at most so many.
MLA_REQUESTS, MLA_BLOCKS, MLA_TOKENS, BLOCK = 8, 4, 64 * 1024, 16
#: Patches behind one image token: Gemma 3 pools 4 x 4 of them, most others merge 2 x 2.
PATCHES, GEMMA_PATCHES = 4, 16
#: Tokens of the largest image of families where that is more than a step may be ("profiled with 1 image items of the
#: maximum feature size" in their logs).
IMAGE_TOKENS = dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), 16384)


#: Compute capability of an H100.
HOPPER = 9.0


class Device(NamedTuple):
    """What of a device decides scratch buffers.

    Attributes:
        capability: compute capability.
        linked: whether a switch links it with its like, as NVIDIA's SXM modules from Hopper on.
    """

    multiprocessors: int = MULTIPROCESSORS
    capability: float = HOPPER
    linked: bool = True

    @property
    def hopper(self) -> bool:
        """Whether it is of Hopper's generation or a later one."""
        return self.capability >= HOPPER


H100 = Device()


class Experts(NamedTuple):
    """A mixture of experts as one rank computes it."""

    used: int
    intermediate: int
    hidden: int


def activation_peak(
    spec: ModelSpec,
    batch: Batch,
    rules: Release,
    parallel: Parallel = ALONE,
    *,
    context: int = MLA_TOKENS,
    element_bytes: int = 2,
    device: Device = H100,
    expert_scratch: bool = True,
    encoder_bytes: int = 0,
    tower_bytes: int = 0,
    samples: bool = True,
) -> int:
    """Bytes of the peak above the weights on one rank.

    Args:
        context: ``--max-model-len``, which matters to MLA alone.
        element_bytes: of an activation.
        expert_scratch: whether experts keep their scratch between layers: those in 16 and 8 bits do, MXFP4's (Marlin)
            do not, by the rows of gpt-oss.
        encoder_bytes: pixels and embeddings of the images that one step can hold, see `encoder_inputs`.
        tower_bytes: what the vision tower holds while it makes them, see `tower_peak`.
        samples: False for a pipeline stage that is not the last.
    """
    kept = CUBLAS_HOPPER if device.hopper else CUBLAS_AMPERE
    kept += expert_workspace(spec, batch, parallel, element_bytes) if expert_scratch else 0
    moments = [_forward(spec, batch, context, parallel, element_bytes)]
    if samples:
        moments.append(_sampler(spec, batch, rules, element_bytes, device))
    return kept + max(encoder_bytes + max(moments), tower_bytes)


def expert_workspace(spec: ModelSpec, batch: Batch, parallel: Parallel, element_bytes: int) -> int:
    """Two scratch tensors of one row per token and chosen expert.

    One is as wide as gate and up together or the hidden size, the other as their product or the hidden size.
    """
    return max(
        (
            batch.tokens
            * parts.used
            * (max(2 * parts.intermediate, parts.hidden) + max(parts.intermediate, parts.hidden))
            * element_bytes
            for parts in (_experts(computed(placed.block), parallel) for placed in spec.placed if placed.tower is None)
            if parts
        ),
        default=0,
    )


def encoder_inputs(spec: ModelSpec, batch: Batch, element_bytes: int = 2) -> int:
    """What the dummy images of one step take: embeddings for every token of it, and the pixels behind them.

    Nothing for a model that has no tower of patches, or that takes no images.
    """
    patch = _patch(spec)
    if patch is None:
        return 0
    patches = GEMMA_PATCHES if spec.family.startswith("gemma") else PATCHES
    return _seen(spec, batch) * (_embedded(spec) + patches * _pixels(patch)) * element_bytes


def tower_peak(spec: ModelSpec, batch: Batch, parallel: Parallel = ALONE, element_bytes: int = 2) -> int:
    """What the vision tower holds over the largest image; nothing where images cannot be that large."""
    patch = _patch(spec)
    if patch is None or spec.family not in IMAGE_TOKENS:
        return 0
    towers = [p.block for p in spec.placed if p.tower == "vision" and isinstance(p.block, (Mlp, GatedMlp))]
    widest = max((STREAMS * block.hidden + _width(block, parallel) for block in towers), default=0)
    return _seen(spec, batch) * (_embedded(spec) + PATCHES * (_pixels(patch) + widest)) * element_bytes


def _patch(spec: ModelSpec) -> PatchEmbedding | None:
    return next((p.block for p in spec.placed if p.tower == "vision" and isinstance(p.block, PatchEmbedding)), None)


def _pixels(patch: PatchEmbedding) -> int:
    return patch.channels * patch.patch**2 * (patch.frames or 1)


def _seen(spec: ModelSpec, batch: Batch) -> int:
    """Tokens that the images of a step may take."""
    return max(batch.tokens, IMAGE_TOKENS.get(spec.family, 0))


def _embedded(spec: ModelSpec) -> int:
    """Elements of an image token's embedding, with those that enter later layers."""
    return spec.hidden_size * (1 + deepstack(spec))


def _sampler(spec: ModelSpec, batch: Batch, rules: Release, element_bytes: int, device: Device) -> int:
    requests, hidden = min(batch.sequences, batch.tokens), spec.hidden_size
    logits = requests * spec.vocab_size * (element_bytes + SAMPLER_BYTES[rules.sampler])
    states = (batch.tokens + 2 * requests) * hidden * element_bytes
    scratch = min(device.multiprocessors, requests) * spec.vocab_size * FP32 if rules.sampler == "pivot" else 0
    return logits + states + scratch


def _forward(spec: ModelSpec, batch: Batch, context: int, parallel: Parallel, element_bytes: int) -> int:
    blocks = [computed(placed.block) for placed in spec.placed if placed.tower is None]
    widest = max((_width(block, parallel) for block in blocks), default=0)
    unpacked = max((_unpacked(block, batch, context, parallel) for block in blocks), default=0)
    return (batch.tokens * (STREAMS * spec.hidden_size + widest) + unpacked) * element_bytes + FORWARD_REST


def _unpacked(block: Block, batch: Batch, context: int, parallel: Parallel) -> int:
    """Elements of K and V that MLA's prefill makes of cached latents (``determine_chunked_prefill_workspace_size``)."""
    if not isinstance(block, LatentAttention):
        return 0
    pages = batch.sequences * BLOCK
    tokens = max(min(max(MLA_REQUESTS * context, MLA_BLOCKS * pages), MLA_TOKENS), pages)
    return tokens * block.heads // parallel.tensor * (block.nope + block.v_head)


def _width(block: Block, parallel: Parallel) -> int:
    """Elements that one token has at the widest point of the block on one rank, the residual streams left out."""
    tensor = parallel.tensor
    if isinstance(block, GatedMlp):
        return 3 * block.intermediate // tensor
    if isinstance(block, Mlp):
        return 2 * block.intermediate // tensor
    if isinstance(block, MixtureOfExperts):
        return block.hidden + 3 * block.shared // tensor
    if isinstance(block, Attention):
        # The fused projection's output, and the rotated queries and keys apart from it.
        return (2 * block.heads + 3 * block.kv_heads) * block.head_dim // tensor
    if isinstance(block, LatentAttention):
        return block.heads * (block.nope + block.rope + block.v_head) // tensor
    return 0


def _experts(block: Block, parallel: Parallel) -> Experts | None:
    ranks = 1 if parallel.experts else parallel.tensor * parallel.data
    if isinstance(block, (MixtureOfExperts, StackedExperts, MergedExperts)):
        hidden = block.latent if isinstance(block, MixtureOfExperts) and block.latent else block.hidden
        return Experts(block.used, block.intermediate // ranks, hidden)
    if isinstance(block, PackedExperts):
        downs = [prod(shape) for _, part, shape in block.matrices if part == "down"]
        return Experts(block.used, downs[0] // block.hidden // ranks, block.hidden) if downs else None
    return None
