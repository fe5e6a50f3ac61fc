"""A whole GGUF file: its tensors, exact, and what stands before and between them, modelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llmscale.formats.gguf.metadata import (
    MetadataBytes,
    Pick,
    Vocabulary,
    metadata_bytes,
    tensor_padding,
    tokenizer_bytes,
)
from llmscale.formats.gguf.ranks import file_shape
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import TensorGroup
from llmscale.model.spec import ModelSpec
from llmscale.records import dataclass
from llmscale.store.tables import table

EMBEDDING = "token_embd.weight"


@dataclass(frozen=True)
class VocabularyEntry:
    """One entry of `data/vocabularies.yaml`; see `Vocabulary` for the fields."""

    id: str
    kind: str
    model: str
    rows: int
    token_bytes: int
    picks: list[Pick]
    source: str
    pre: str = ""
    merges: int = 0
    merge_bytes: int = 0
    scores: bool = False
    charsmap_bytes: int = 0
    note: str = ""


def file_bytes(spec: ModelSpec, stored: Sequence[StoredTensor]) -> MetadataBytes:
    """Bytes of the file that holds what is `stored`, and the least and the most they may be."""
    rows = next((each.group.shape[0] for each in stored if each.group.name == EMBEDDING), 0)
    tensors = [tensor for each in stored for tensor in _tensors(each)]
    before = metadata_bytes(
        tokenizer_bytes(_known(), spec.text_family or spec.family, rows), [(name, axes) for name, axes, _ in tensors]
    )
    sizes = [size for _, _, size in tensors]
    return before + (sum(sizes) + tensor_padding(sizes))


def _tensors(stored: StoredTensor) -> Iterator[tuple[str, int, int]]:
    """Name, axes and bytes of each tensor that the file holds for a group."""
    group: TensorGroup = stored.group
    shape = file_shape(group)
    size = stored.form.size(shape)
    for layer in group.layers or (None,):
        yield (group.name if layer is None else group.name.replace("{layer}", str(layer))), len(shape), size


def _known() -> tuple[Vocabulary, ...]:
    return tuple(map(_vocabulary, table("vocabularies")["entries"].values()))


def _vocabulary(entry: dict[str, Any]) -> Vocabulary:
    fields = {name: entry[name] for name in Vocabulary._fields if name != "picks"}
    return Vocabulary(**fields, picks=tuple(Pick(tuple(families), *rows) for families, *rows in entry["picks"]))
