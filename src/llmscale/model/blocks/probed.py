"""A tensor of which its shape is known, but not what it does."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class ProbedTensor:
    """One tensor as a class of transformers holds it.

    Attributes:
        experts: how many experts' matrices it is, where its first axis counts them.
        used: how many of those one token touches.
    """

    role: str
    shape: tuple[int, ...]
    experts: int = 1
    used: int = 1

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("", self.role, self.shape, self.experts, self.used)

    def cache(self) -> None:
        return None
