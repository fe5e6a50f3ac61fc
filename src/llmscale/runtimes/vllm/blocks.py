"""What a block means to vLLM's profile run: its width, the scratch of its experts, what MLA unpacks.

Each question is a function with one entry for each block that answers it otherwise than its default does. Files of
vLLM 0.19.0: ``vllm/model_executor/layers/attention/mla_attention.py`` (``determine_chunked_prefill_workspace_size``),
``layers/fused_moe/`` (``workspace_shapes`` of ``TritonExperts``).
"""

from __future__ import annotations

from functools import singledispatch
from math import prod

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.compressed import SharedKeyAttention
from llmscale.model.blocks.mlp import GatedMlp, MergedExperts, MixtureOfExperts, Mlp, PackedExperts, StackedExperts
from llmscale.model.spec import Block
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.paging import BLOCK
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.vllm.releases import Batch

#: Cached tokens that MLA's prefill unpacks at once: those of so many requests or blocks a request, at most so many.
MLA_REQUESTS, MLA_BLOCKS, MLA_TOKENS = 8, 4, 64 * 1024
#: Heads that FlashMLA pads fewer to (models/deepseek_v4/attention.py, 0.22).
FLASH_MLA_HEADS = 64


@singledispatch
def width(block: Block, tensor: int) -> int:
    """Elements that one token has at the widest point of the block on one rank, the residual streams left out."""
    return 0


@width.register
def _gated_width(block: GatedMlp, tensor: int) -> int:
    return 3 * block.intermediate // tensor


@width.register
def _plain_width(block: Mlp, tensor: int) -> int:
    return 2 * block.intermediate // tensor


@width.register
def _mixture_width(block: MixtureOfExperts, tensor: int) -> int:
    return block.hidden + 3 * block.shared // tensor


@width.register
def _attention_width(block: Attention, tensor: int) -> int:
    """The fused projection's output, and the rotated queries and keys apart from it."""
    return (2 * block.heads + 3 * block.kv_heads) * block.head_dim // tensor


@width.register
def _latent_width(block: LatentAttention, tensor: int) -> int:
    return block.heads * (block.nope + block.rope + block.v_head) // tensor


@width.register
def _shared_key_width(block: SharedKeyAttention, tensor: int) -> int:
    """Queries and what they attend to, of as many heads as FlashMLA takes at least."""
    return 2 * max(block.heads // tensor, FLASH_MLA_HEADS) * block.head_dim


class ExpertWidths(NamedTuple):
    """A mixture of experts as one rank computes it.

    Attributes:
        used: experts of a token.
        intermediate: width of one of them on the rank.
        hidden: what goes into them.
    """

    used: int
    intermediate: int
    hidden: int

    @property
    def scratch(self) -> int:
        """Elements of scratch for a token.

        Of two tensors with a row for each chosen expert one is as wide as gate and up together or the hidden size, the
        other as their product or the hidden size.
        """
        return self.used * (max(2 * self.intermediate, self.hidden) + max(self.intermediate, self.hidden))


@singledispatch
def experts(block: Block, parallel: Parallel) -> ExpertWidths | None:
    """The experts of the block; None for one without."""
    return None


@experts.register
def _mixture(block: MixtureOfExperts, parallel: Parallel) -> ExpertWidths:
    return ExpertWidths(block.used, block.intermediate // _ranks(parallel), block.latent or block.hidden)


@experts.register(StackedExperts)
@experts.register(MergedExperts)
def _together(block: StackedExperts | MergedExperts, parallel: Parallel) -> ExpertWidths:
    return ExpertWidths(block.used, block.intermediate // _ranks(parallel), block.hidden)


@experts.register
def _packed(block: PackedExperts, parallel: Parallel) -> ExpertWidths | None:
    """Its matrices have no names but their parts; a mixture of queries has no matrix down."""
    downs = [prod(shape) for _, part, shape in block.matrices if part == "down"]
    return ExpertWidths(block.used, downs[0] // block.hidden // _ranks(parallel), block.hidden) if downs else None


@singledispatch
def unpacked(block: Block, tensor: int) -> int:
    """Elements of K and V that the prefill makes of a cached token."""
    return 0


@unpacked.register
def _latent_unpacked(block: LatentAttention, tensor: int) -> int:
    return block.heads // tensor * (block.nope + block.v_head)


def unpacked_tokens(batch: Batch, context: int) -> int:
    """Cached tokens that the prefill unpacks at once."""
    pages = batch.sequences * BLOCK
    return max(min(max(MLA_REQUESTS * context, MLA_BLOCKS * pages), MLA_TOKENS), pages)


def _ranks(parallel: Parallel) -> int:
    """Ranks that share each expert."""
    return 1 if parallel.experts else parallel.tensor * parallel.data
