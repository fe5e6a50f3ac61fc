"""Token and position embeddings, and the head that turns hidden states into logits."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class Embedding:
    """A lookup table (rows, width): tokens, positions or segments."""

    rows: int
    width: int
    role: str = "embedding.token"

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("weight", self.role, (self.rows, self.width))

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class Head:
    """Logits from hidden states (vocabulary, hidden).

    Attributes:
        tied_to: full name of the embedding whose weight it shares (Press & Wolf 2017), else None.
        bias: whether a bias (vocabulary) is added; it is never shared.
    """

    vocab: int
    hidden: int
    tied_to: str | None = None
    bias: bool = False

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("weight", "head.out", (self.vocab, self.hidden), tied_to=self.tied_to)
        if self.bias:
            yield Tensor("bias", "head.out", (self.vocab,))

    def cache(self) -> None:
        return None
