"""What Gemma 3n and 4 embed once more for every layer: a table and a projection before them, a gate in each."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named
from llmscale.records import NamedTuple


class PerLayer(NamedTuple):
    """`width` elements a token and layer, of a table of `vocab` rows; nothing where the width is 0."""

    hidden: int
    layers: int
    width: int
    vocab: int

    def before(self) -> Iterator[Named]:
        """What stands before the layers."""
        every = self.layers * self.width
        if every:
            yield "embed_tokens_per_layer", Embedding(self.vocab, every, "embedding.per_layer")
            yield "per_layer_model_projection", Linear("other.per_layer_model_projection", every, self.hidden)
            yield "per_layer_projection_norm", Norm(self.width)

    def inside(self) -> Iterator[Named]:
        """What stands at the end of each layer."""
        if self.width:
            yield "per_layer_input_gate", Linear("other.per_layer_gate", self.width, self.hidden)
            yield "per_layer_projection", Linear("other.per_layer_projection", self.hidden, self.width)
            yield "post_per_layer_input_norm", Norm(self.hidden)


def per_layer(c: Config, hidden: int, layers: int, low: int) -> PerLayer:
    """Both numbers from the config; the width is at least `low`."""
    width = c.number("hidden_size_per_layer_input", default=256, low=low)
    return PerLayer(hidden, layers, width, c.number("vocab_size_per_layer_input", default=262_144, high=MAX_VOCAB))
