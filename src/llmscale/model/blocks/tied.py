"""A block whose weights are another's: the same computation at another place."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Block, CacheShape, Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class Tied:
    """`block` with the storage of the one that stands under `owner`; what it caches is its own."""

    block: Block
    owner: str

    def tensors(self) -> Iterator[Tensor]:
        for tensor in self.block.tensors():
            yield tensor._replace(tied_to=self.owner + tensor.name)

    def cache(self) -> CacheShape | None:
        return self.block.cache()
