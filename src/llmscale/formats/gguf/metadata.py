"""What a GGUF file holds besides its tensors: header, key/value pairs (mostly the vocabulary), tensor infos, padding.

The layout is that of the format (github.com/ggml-org/ggml: docs/gguf.md, version 3; the writer is
github.com/ggml-org/llama.cpp: gguf-py/gguf/gguf_writer.py), so the bytes of a known vocabulary and of a list of tensors
follow from it. Two parts do not: the pairs that are no vocabulary (`OTHER_PAIRS`), and the vocabulary of a tokenizer
that nobody measured (`unknown_tokenizer`). Both come with the range that was seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.records import NamedTuple

#: Tensors begin at a multiple of this many bytes unless ``general.alignment`` says otherwise.
ALIGNMENT = 32

_LENGTH = 8  # of a string or an array; uint64
_COUNT = 8  # of tensors, of pairs, along one axis; uint64
_OFFSET = 8  # of a tensor's data; uint64
_TYPE = 4  # of a value, an array's items or a tensor; uint32
_DIMENSIONS = 4  # how many axes; uint32
_SCORE = 4  # float32
_TOKEN_TYPE = 4  # int32

#: Magic, version, number of tensors, number of pairs.
HEADER = 4 + 4 + _COUNT + _COUNT


class MetadataBytes(NamedTuple):
    """Bytes as they are expected, and the least and the most that was seen; all three the same when they are exact."""

    value: int
    low: int
    high: int

    def __add__(self, other: object) -> MetadataBytes:
        """Sum of two parts; of a plain number too, which is exact."""
        if isinstance(other, int):
            return MetadataBytes(self.value + other, self.low + other, self.high + other)
        if not isinstance(other, MetadataBytes):
            return NotImplemented
        return MetadataBytes(self.value + other.value, self.low + other.low, self.high + other.high)


#: Every pair that is not the vocabulary: name, licence, hyper-parameters, special tokens, importance matrix and, above
#: all, the chat templates. Median of 39 published files, one per model (tests/truth/gguf_metadata.json), rounded; the
#: extremes there are 582 bytes (no template, 2023) and 37762 (three templates of Command R7B). The range is drawn wider
#: because the next template may be longer.
OTHER_PAIRS = MetadataBytes(2_200, 500, 50_000)

#: Share by which a vocabulary that nobody measured may lie outside those that were: the next one may be an extreme.
#: Leaving each known vocabulary out in turn, all of them fall into the range so widened.
MARGIN = 0.1


class Pick(NamedTuple):
    """The models that a vocabulary belongs to: any of `families`, with `first` to `last` rows of token embedding."""

    families: tuple[str, ...]
    first: int
    last: int


class Vocabulary(NamedTuple):
    """A tokenizer as a GGUF file stores it.

    Attributes:
        kind: ``bpe``, ``spm``, ``wordpiece`` or ``unigram``.
        model: value of ``tokenizer.ggml.model``.
        pre: value of ``tokenizer.ggml.pre``; empty when there is none.
        rows: tokens that have a text of their own; a model's further rows are padding, ``[PAD32000]`` and on.
        token_bytes: bytes of all these texts.
        merges: how many BPE merges.
        merge_bytes: bytes of all their texts, the space between both halves included.
        scores: whether each row has one.
        charsmap_bytes: bytes of the normaliser's table.
        picks: which models have it.
    """

    id: str
    kind: str
    model: str
    pre: str
    rows: int
    token_bytes: int
    merges: int = 0
    merge_bytes: int = 0
    scores: bool = False
    charsmap_bytes: int = 0
    picks: tuple[Pick, ...] = ()


def aligned(size: int, alignment: int = ALIGNMENT) -> int:
    """The next multiple of `alignment`: where the tensors begin, and where each next one does."""
    return -(-size // alignment) * alignment


def tensor_info_bytes(tensors: Iterable[tuple[str, int]]) -> int:
    """Bytes of the tensor infos, from each tensor's name and number of axes."""
    return sum(_LENGTH + len(name.encode()) + _DIMENSIONS + axes * _COUNT + _TYPE + _OFFSET for name, axes in tensors)


def vocabulary_bytes(vocabulary: Vocabulary, rows: int) -> int:
    """Bytes of the pairs that hold `vocabulary` in a model of `rows` rows.

    Raises:
        ValueError: fewer rows than the vocabulary has tokens; then it is not this model's.
    """
    if rows < vocabulary.rows:
        raise ValueError(f"{vocabulary.id} has {vocabulary.rows} tokens, the model only {rows} rows")
    texts = vocabulary.token_bytes + _padding_texts(vocabulary.rows, rows)
    pairs = [
        _string("tokenizer.ggml.model", len(vocabulary.model)),
        _array("tokenizer.ggml.tokens", rows * _LENGTH + texts),
        _array("tokenizer.ggml.token_type", rows * _TOKEN_TYPE),
    ]
    if vocabulary.pre:
        pairs.append(_string("tokenizer.ggml.pre", len(vocabulary.pre)))
    if vocabulary.scores:
        pairs.append(_array("tokenizer.ggml.scores", rows * _SCORE))
    if vocabulary.merges:
        pairs.append(_array("tokenizer.ggml.merges", vocabulary.merges * _LENGTH + vocabulary.merge_bytes))
    if vocabulary.charsmap_bytes:
        pairs.append(_array("tokenizer.ggml.precompiled_charsmap", vocabulary.charsmap_bytes))
    return sum(pairs)


def find_vocabulary(known: Iterable[Vocabulary], family: str, rows: int) -> Vocabulary | None:
    """The vocabulary of a model of `family` (its ``model_type``) with `rows` rows; None when nobody measured it."""
    for vocabulary in known:
        for pick in vocabulary.picks:
            if family in pick.families and pick.first <= rows <= pick.last:
                return vocabulary
    return None


def unknown_tokenizer(known: Iterable[Vocabulary], family: str, rows: int) -> MetadataBytes:
    """Bytes of a vocabulary that nobody measured, from the bytes per row of the known ones.

    The value is the mean over those of the kinds that the family is known to use, over all when none is known; left
    out in turn, the known ones are off by 17 % in the median and by 97 % at worst. The range is that of all, and
    `MARGIN`.
    """
    per_row = [(v, vocabulary_bytes(v, v.rows) / v.rows) for v in known]
    kinds = {v.kind for v, _ in per_row if _belongs(v, family)} or {v.kind for v, _ in per_row}
    same = [size for v, size in per_row if v.kind in kinds]
    sizes = [size for _, size in per_row]
    return MetadataBytes(
        value=round(sum(same) / len(same) * rows),
        low=round(min(sizes) * (1 - MARGIN) * rows),
        high=round(max(sizes) * (1 + MARGIN) * rows),
    )


def tokenizer_bytes(known: tuple[Vocabulary, ...], family: str, rows: int) -> MetadataBytes:
    """Bytes of the pairs that hold the vocabulary of a model: one value where it is known, else a range.

    A model without token embedding (`rows` 0) has no vocabulary.
    """
    if not rows:
        return MetadataBytes(0, 0, 0)
    vocabulary = find_vocabulary(known, family, rows)
    if vocabulary is None:
        return unknown_tokenizer(known, family, rows)
    size = vocabulary_bytes(vocabulary, rows)
    return MetadataBytes(size, size, size)


def metadata_bytes(
    tokenizer: MetadataBytes, tensors: Iterable[tuple[str, int]], alignment: int = ALIGNMENT
) -> MetadataBytes:
    """Bytes of a file before its first tensor.

    Args:
        tokenizer: from `tokenizer_bytes`.
        tensors: name and number of axes of every tensor in the file.
        alignment: the file's ``general.alignment``.
    """
    parts = tokenizer + OTHER_PAIRS + (HEADER + tensor_info_bytes(tensors))
    return MetadataBytes(*(aligned(part, alignment) for part in parts))


def tensor_padding(sizes: Iterable[int], alignment: int = ALIGNMENT) -> int:
    """Bytes between the tensors of these sizes, and after the last."""
    return sum(aligned(size, alignment) - size for size in sizes)


def _belongs(vocabulary: Vocabulary, family: str) -> bool:
    return any(family in pick.families for pick in vocabulary.picks)


def _string(key: str, length: int) -> int:
    return _LENGTH + len(key) + _TYPE + _LENGTH + length


def _array(key: str, content: int) -> int:
    return _LENGTH + len(key) + _TYPE + _TYPE + _LENGTH + content


def _padding_texts(first: int, end: int) -> int:
    """Bytes of ``[PAD<row>]`` for each row from `first` up to `end`."""
    return sum(len("[PAD]") + len(str(row)) for row in range(first, end))
