"""What vision transformers add: patches made of pixels (Dosovitskiy et al. 2020) and Swin's windows and merging
(Liu et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import linear
from llmscale.model.blocks.norm import norm
from llmscale.model.spec import Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class PatchEmbedding:
    """A convolution whose stride is its kernel: one vector (width) per patch of pixels (channels, patch, patch).

    Attributes:
        frames: video frames that make one patch (Qwen2-VL), None where the kernel has no time axis.
    """

    width: int
    channels: int
    patch: int
    bias: bool = True
    frames: int | None = None

    def tensors(self) -> Iterator[Tensor]:
        time = () if self.frames is None else (self.frames,)
        yield Tensor("weight", "embedding.patch", (self.width, self.channels, *time, self.patch, self.patch))
        if self.bias:
            yield Tensor("bias", "embedding.patch", (self.width,))

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class PatchMerging:
    """Four neighbouring patches become one of twice the width: (2 width, 4 width).

    Normalised before, or after in Swin v2 (Liu et al. 2022).
    """

    width: int
    norm_after: bool = False

    def tensors(self) -> Iterator[Tensor]:
        if not self.norm_after:
            yield from norm("norm", 4 * self.width, bias=True)
        yield from linear("reduction", "other.patch_merging", 2 * self.width, 4 * self.width)
        if self.norm_after:
            yield from norm("norm", 2 * self.width, bias=True)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class PackedAttention:
    """PyTorch's ``MultiheadAttention``: q, k, v in one bare tensor, all biased (SigLIP's pooling head)."""

    hidden: int

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("in_proj_weight", "attention.qkv", (3 * self.hidden, self.hidden))
        yield Tensor("in_proj_bias", "attention.qkv", (3 * self.hidden,))
        yield from linear("out_proj", "attention.o", self.hidden, self.hidden, bias=True)

    def cache(self) -> None:
        return None
