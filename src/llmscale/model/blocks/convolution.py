"""Convolutions: over sound or pixels, and the causal ones over time in recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Tensor
from llmscale.records import dataclass


def convolution(name: str, channels: int, kernel: int, bias: bool) -> Iterator[Tensor]:
    """A causal convolution over time, one filter a channel: (channels, 1, kernel)."""
    yield Tensor(f"{name}.weight", "recurrent.conv", (channels, 1, kernel))
    if bias:
        yield Tensor(f"{name}.bias", "recurrent.conv", (channels,))


@dataclass(frozen=True)
class Convolution:
    """One kernel per pair of channels; `in_` counts those of one group, so it is 1 where the layer is depth-wise."""

    role: str
    out: int
    in_: int
    kernel: tuple[int, ...]
    bias: bool = True

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("weight", self.role, (self.out, self.in_, *self.kernel))
        if self.bias:
            yield Tensor("bias", self.role, (self.out,))

    def cache(self) -> None:
        return None
