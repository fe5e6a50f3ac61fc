"""What a decoder's layer is traced in: blocks, and what stands for several that a `ModelSpec` has beside each other."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.spec import Block, CacheShape
from llmscale.records import NamedTuple


class RoutedExperts(NamedTuple):
    """Routed experts, and what every token passes besides.

    Attributes:
        intermediate: width of one.
        number: how many there are, of which a token is sent to `used`.
        shared: width of the shared expert; 0 for none.
        stacked: whether gate and up take turns in one matrix, with biases (gpt-oss).
        fused_shared: whether gate and up of the shared expert are one matrix.
    """

    hidden: int
    intermediate: int
    number: int
    used: int
    shared: int = 0
    gated: bool = True
    stacked: bool = False
    fused_shared: bool = False

    def with_shared(self, block: GatedMlp) -> RoutedExperts:
        """These with the shared expert that stands beside them."""
        return self._replace(shared=block.intermediate, fused_shared=len(block.names) == 2)

    def cache(self) -> None:
        """Nothing is kept."""


class IndexedAttention(NamedTuple):
    """Latent attention and the indexer that chooses what it attends to."""

    attention: LatentAttention
    indexer: Indexer

    def cache(self) -> CacheShape:
        """What both keep."""
        latent, index = self.attention.cache(), self.indexer.cache()
        return CacheShape(latent.keys + index.keys, latent.values + index.values)


class SharedTransformer(NamedTuple):
    """Zamba 2's Mamba-2 behind the transformer that several layers share, which is narrower than the scan."""

    mixer: Mamba2
    attention: Attention

    def cache(self) -> CacheShape | None:
        """What the transformer keeps."""
        return self.attention.cache()


Part = Block | RoutedExperts | IndexedAttention | SharedTransformer
