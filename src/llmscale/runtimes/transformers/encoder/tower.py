"""The stacks of layers of an encoder, out of the blocks of its `ModelSpec`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isqrt

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.styles import ENCODERS

#: The role of tables of biases.
BIASES = "attention.relative_bias"
#: Roles of what stands before the patches, each row a token more.
PREFIX = frozenset({"embedding.class", "embedding.register"})


class EncoderLayer(NamedTuple):
    """One layer's mixers."""

    attention: Attention
    mlp: Mlp | GatedMlp


class Tower(NamedTuple):
    """One stack of layers.

    Attributes:
        layers: layers, the first and the last of them, which are all that differ.
        picture: tokens of one picture; 0 for text.
        pixels: elements of one picture.
        words: width of the word embeddings.
        buckets: rows of DeBERTa's relative positions.
        window: tokens of one side of a window, of Swin.
        heard: whether its input is sound.
    """

    hidden: int
    layers: int
    first: EncoderLayer
    last: EncoderLayer
    picture: int = 0
    pixels: int = 0
    words: int = 0
    buckets: int = 0
    window: int = 0
    heard: bool = False


@lru_cache(maxsize=64)
def towers_of(spec: ModelSpec) -> tuple[Tower, ...]:
    """The stacks in the order in which they run; empty for a model that is not an encoder that is traced."""
    if spec.family not in ENCODERS or any(placed.block.cache() for placed in spec.placed):
        return ()
    names = dict.fromkeys(placed.tower for placed in spec.placed if placed.layers)
    towers = [tower_of(spec, [placed for placed in spec.placed if placed.tower == name]) for name in names]
    return tuple(tower for tower in towers if tower) if all(towers) else ()


def tower_of(spec: ModelSpec, placed: Sequence[PlacedBlock]) -> Tower | None:
    """The stack that these blocks are; None where a layer is not one attention and one MLP."""
    if spec.family in ENCODERS and ENCODERS[spec.family].windowed:
        placed = [each for each in placed if not each.layers or "layers.0." in each.prefix]
    layers = _layers(placed)
    if not layers:
        return None
    # ALBERT's one layer stands for all.
    depth = max(len(layers), spec.layers) if spec.family == "albert" else len(layers)
    tower = Tower(layers[0].attention.hidden, depth, layers[0], layers[-1])
    if any(isinstance(each.block, PatchEmbedding) and not each.layers for each in placed):
        return _seeing(tower, spec, placed)
    tables = _tables(placed)
    buckets = [table.rows for table in tables if table.role == BIASES]
    return tower._replace(words=tables[0].width if tables else 0, buckets=sum(buckets))


def _layers(placed: Sequence[PlacedBlock]) -> list[EncoderLayer]:
    """The layers in order; empty where one is not one attention and one MLP."""
    found: dict[int, tuple[list[Attention], list[Mlp | GatedMlp]]] = {}
    for each in placed:
        for layer in each.layers:
            attentions, mlps = found.setdefault(layer, ([], []))
            if isinstance(each.block, Attention):
                attentions.append(each.block)
            elif isinstance(each.block, (Mlp, GatedMlp)):
                mlps.append(each.block)
    if any(len(attentions) != 1 or len(mlps) != 1 for attentions, mlps in found.values()):
        return []
    return [EncoderLayer(found[layer][0][0], found[layer][1][0]) for layer in sorted(found)]


def _tables(placed: Sequence[PlacedBlock]) -> list[Embedding]:
    return [each.block for each in placed if isinstance(each.block, Embedding) and not each.layers]


def _seeing(tower: Tower, spec: ModelSpec, placed: Sequence[PlacedBlock]) -> Tower:
    """A tower that sees pictures, with the tokens and the pixels of one."""
    outside = [each.block for each in placed if not each.layers]
    patches = next(block for block in outside if isinstance(block, PatchEmbedding))
    tokens = spec.sequence or sum(table.rows for table in _tables(placed) if table.role == "embedding.position")
    before = sum(_rows(block) for block in outside if isinstance(block, Parameter) and block.role in PREFIX)
    biases = [each.block.shape[0] for each in placed if isinstance(each.block, Parameter) and each.block.role == BIASES]
    # A table has a row for each distance within a window.
    window = (isqrt(biases[0]) + 1) // 2 if biases else 0
    pixels = (tokens - before) * patches.channels * patches.patch**2
    return tower._replace(picture=tokens, window=window, pixels=pixels)


def _rows(block: Parameter) -> int:
    return block.shape[-2] if len(block.shape) > 1 else 1
