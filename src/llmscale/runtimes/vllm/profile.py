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

from functools import lru_cache

from llmscale.model.blocks.compressed import HyperConnection
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import computed
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.parallel.shards import text_blocks
from llmscale.runtimes.vllm.blocks import MLA_TOKENS, experts, unpacked, unpacked_tokens, width
from llmscale.runtimes.vllm.loaded import deepstack
from llmscale.runtimes.vllm.releases import Batch, VllmRules
from llmscale.runtimes.vllm.speculation import COPIES, FP32_COPIES
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
#: Patches behind one image token: Gemma 3 pools 4 x 4 of them, most others merge 2 x 2.
PATCHES, GEMMA_PATCHES = 4, 16
#: Tokens of the largest image of families where that is more than a step may be ("profiled with 1 image items of the
#: maximum feature size" in their logs).
IMAGE_TOKENS = dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), 16384)
#: Compute capability of an H100.
HOPPER = 9.0


class DeviceTraits(NamedTuple):
    """What of a device decides scratch buffers.

    Attributes:
        capability: compute capability.
        linked: whether a switch links it with its like, as NVIDIA's SXM modules from Hopper on.
        shared: whether its memory is the system's as well.
    """

    multiprocessors: int = MULTIPROCESSORS
    capability: float = HOPPER
    linked: bool = True
    shared: bool = False

    @property
    def hopper(self) -> bool:
        """Whether it is of Hopper's generation or a later one."""
        return self.capability >= HOPPER


H100 = DeviceTraits()


class StepWidths(NamedTuple):
    """What of a model decides the peak on a rank: elements of a token, but for `vocab` and `image_tokens`.

    Attributes:
        widest: at the widest point of a block, the residual streams left out.
        scratch: of the widest mixture of experts; 0 without.
        unpacked: K and V that MLA makes of what is cached; 0 for others.
        embedded: an image token's embedding, with those that enter later layers; 0 without a tower of patches.
        pixels: behind an image token.
        tower: residual streams and the widest point of the tower, for a patch.
        image_tokens: of the largest image, where that is more than a step may be; else 0.
        streams: copies of the residual that hyper-connections mix.
    """

    hidden: int
    vocab: int
    widest: int
    scratch: int = 0
    unpacked: int = 0
    embedded: int = 0
    pixels: int = 0
    tower: int = 0
    image_tokens: int = 0
    streams: int = 1

    def seen(self, batch: Batch) -> int:
        """Tokens that the images of a step may take."""
        return max(batch.tokens, self.image_tokens)


@lru_cache(maxsize=256)
def step_widths(spec: ModelSpec, parallel: Parallel = ALONE) -> StepWidths:
    """Those of a model on a rank of `parallel`."""
    blocks = [computed(placed.block) for placed in text_blocks(spec)]
    mixtures = (experts(block, parallel) for block in blocks)
    found = StepWidths(
        hidden=spec.hidden_size,
        vocab=spec.vocab_size,
        widest=max((width(block, parallel.tensor) for block in blocks), default=0),
        scratch=max((mixture.scratch for mixture in mixtures if mixture), default=0),
        unpacked=max((unpacked(block, parallel.tensor) for block in blocks), default=0),
        streams=max((block.streams for block in blocks if isinstance(block, HyperConnection)), default=1),
    )
    patch = _patch(spec)
    if patch is None:
        return found
    patches = GEMMA_PATCHES if spec.family.startswith("gemma") else PATCHES
    towers = [p.block for p in spec.placed if p.tower == "vision" and isinstance(p.block, (Mlp, GatedMlp))]
    return found._replace(
        embedded=spec.hidden_size * (1 + deepstack(spec)),
        pixels=patches * patch.channels * patch.patch**2 * (patch.frames or 1),
        tower=max((STREAMS * block.hidden + width(block, parallel.tensor) for block in towers), default=0),
        image_tokens=IMAGE_TOKENS.get(spec.family, 0),
    )


def activation_peak(
    model: StepWidths,
    batch: Batch,
    rules: VllmRules,
    *,
    context: int = MLA_TOKENS,
    element_bytes: int = 2,
    device: DeviceTraits = H100,
    expert_scratch: bool = True,
    encoder_bytes: int = 0,
    samples: bool = True,
    speculates: bool = False,
) -> int:
    """Bytes of the peak above the weights on one rank.

    Args:
        context: ``--max-model-len``, which matters to MLA alone.
        element_bytes: of an activation.
        expert_scratch: whether experts keep their scratch between layers: those in 16 and 8 bits do, MXFP4's (Marlin)
            do not, by the rows of gpt-oss.
        encoder_bytes: pixels and embeddings of the images that one step can hold, see `encoder_inputs`; 0 without.
        samples: False for a pipeline stage that is not the last.
        speculates: whether tokens of a draft are accepted or not, see `llmscale.runtimes.vllm.speculation`.
    """
    kept = CUBLAS_HOPPER if device.hopper else CUBLAS_AMPERE
    kept += batch.tokens * model.scratch * element_bytes if expert_scratch else 0
    moments = [_forward(model, batch, context, element_bytes)]
    if samples:
        moments.append(_sampler(model, batch, rules, element_bytes, device))
    if samples and speculates:
        moments.append(_acceptance(model, batch, element_bytes))
    tower = tower_peak(model, batch, element_bytes) if encoder_bytes else 0
    return kept + max(encoder_bytes + max(moments), tower)


def encoder_inputs(model: StepWidths, batch: Batch, element_bytes: int = 2) -> int:
    """What the dummy images of one step take: embeddings for every token of it, and the pixels behind them.

    Nothing for a model that has no tower of patches, or that takes no images.
    """
    return model.seen(batch) * (model.embedded + model.pixels) * element_bytes


def tower_peak(model: StepWidths, batch: Batch, element_bytes: int = 2) -> int:
    """What the vision tower holds over the largest image; nothing where images cannot be that large."""
    if not model.image_tokens:
        return 0
    return model.seen(batch) * (model.embedded + model.pixels + PATCHES * model.tower) * element_bytes


def _patch(spec: ModelSpec) -> PatchEmbedding | None:
    return next((p.block for p in spec.placed if p.tower == "vision" and isinstance(p.block, PatchEmbedding)), None)


def _sampler(model: StepWidths, batch: Batch, rules: VllmRules, element_bytes: int, device: DeviceTraits) -> int:
    requests = min(batch.sequences, batch.tokens)
    logits = requests * model.vocab * (element_bytes + SAMPLER_BYTES[rules.sampler])
    states = (batch.tokens + 2 * requests) * model.hidden * element_bytes
    scratch = min(device.multiprocessors, requests) * model.vocab * FP32 if rules.sampler == "pivot" else 0
    return logits + states + scratch


def _acceptance(model: StepWidths, batch: Batch, element_bytes: int) -> int:
    requests = min(batch.sequences, batch.tokens)
    logits = requests * model.vocab * (FP32_COPIES * FP32 + COPIES * element_bytes)
    return logits + (batch.tokens + 2 * requests) * model.hidden * element_bytes


def _forward(model: StepWidths, batch: Batch, context: int, element_bytes: int) -> int:
    step = batch.tokens * (STREAMS * model.streams * model.hidden + model.widest)
    return (step + model.unpacked * unpacked_tokens(batch, context)) * element_bytes + FORWARD_REST
