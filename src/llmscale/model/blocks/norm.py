"""Normalisation: LayerNorm (Ba et al. 2016, scale and shift) and RMSNorm (Zhang & Sennrich 2019, scale)."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Tensor
from llmscale.records import dataclass


def norm(name: str, size: int, bias: bool = False, role: str = "norm") -> Iterator[Tensor]:
    """Scale (size) and, for LayerNorm, shift (size)."""
    yield Tensor(f"{name}.weight", role, (size,))
    if bias:
        yield Tensor(f"{name}.bias", role, (size,))


@dataclass(frozen=True)
class Norm:
    """One normalisation layer; `bias` for LayerNorm."""

    size: int
    bias: bool = False
    role: str = "norm"

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("weight", self.role, (self.size,))
        if self.bias:
            yield Tensor("bias", self.role, (self.size,))

    def cache(self) -> None:
        return None
