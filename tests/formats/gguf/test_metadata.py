"""What a GGUF file holds besides its tensors: against real files, published ones, and the format's own writer."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llmscale.formats.catalogue import format_of
from llmscale.formats.gguf import metadata
from llmscale.formats.gguf.files import file_bytes
from llmscale.formats.gguf.metadata import (
    HEADER,
    OTHER_PAIRS,
    MetadataBytes,
    Pick,
    Vocabulary,
    aligned,
    find_vocabulary,
    metadata_bytes,
    tensor_info_bytes,
    tensor_padding,
    tokenizer_bytes,
    unknown_tokenizer,
    vocabulary_bytes,
)
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import TensorGroup
from tests.helpers import REPOSITORY, TRUTH, tiny_spec

RECORD: dict[str, Any] = json.loads((TRUTH / "gguf_metadata.json").read_text(encoding="utf-8"))
DATA: dict[str, Any] = yaml.safe_load((REPOSITORY / "data" / "vocabularies.yaml").read_text(encoding="utf-8"))
FILES: dict[str, Any] = RECORD["vocab_only"]
PUBLISHED: list[dict[str, Any]] = RECORD["published"]
#: What today's converter writes; the others hold arrays more, and say which.
CURRENT = [row for row in PUBLISHED if "older_converter" not in row]
OLDER = [row for row in PUBLISHED if "older_converter" in row]


@cache
def known() -> tuple[Vocabulary, ...]:
    """The vocabularies of the project's data."""
    return tuple(
        Vocabulary(
            id=key,
            picks=tuple(Pick(tuple(pick["families"]), pick["first"], pick["last"]) for pick in entry["picks"]),
            **{name: value for name, value in entry.items() if name not in ("picks", "source", "note")},
        )
        for key, entry in DATA.items()
    )


def stored(row: dict[str, Any], *, padded: bool) -> Vocabulary:
    """The vocabulary of a measured file: every row a token of its own, or the padding rows left off."""
    return Vocabulary(
        id="measured",
        kind="bpe",
        model=row["model"],
        pre=row["pre"],
        rows=row["rows"] - (row["padding_rows"] if padded else 0),
        token_bytes=row["token_bytes"] - (row["padding_bytes"] if padded else 0),
        merges=row["merges"],
        merge_bytes=row["merge_bytes"],
        scores=row["scores"],
        charsmap_bytes=row["charsmap_bytes"],
    )


def tensors(row: dict[str, Any]) -> list[tuple[str, int]]:
    """Name and number of axes of every tensor in a published file."""
    layers = [(f"blk.{i}.{name}", axes) for i in range(row["layers"]) for name, axes in row["layer_tensors"].items()]
    return [*row["tensors"].items(), *layers]


def predicted(row: dict[str, Any]) -> MetadataBytes:
    """What we say of a published file from nothing but its model_type, its rows and the names of its tensors."""
    return metadata_bytes(tokenizer_bytes(known(), row["family"], row["rows"]), tensors(row))


def published_id(row: dict[str, Any]) -> str:
    return f"{row['model']}-{row['preset']}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("padded", [False, True])
def test_real_vocabulary_files_to_the_byte(name: str, padded: bool) -> None:
    row = FILES[name]
    size = HEADER + vocabulary_bytes(stored(row, padded=padded), row["rows"]) + row["other_pairs_bytes"]
    assert size == row["file_bytes"]


def test_the_data_are_what_the_files_hold() -> None:
    compared = 0
    for entry in DATA.values():
        if found := re.fullmatch(r"vocab-only file ([\w.-]+)", entry["source"]):
            row = FILES[f"ggml-vocab-{found[1]}.gguf"]
            real = stored(row, padded=True)
            for name in ("model", "pre", "rows", "token_bytes"):
                assert entry[name] == getattr(real, name), (found[1], name)
            for name in ("merges", "merge_bytes", "charsmap_bytes"):
                assert entry.get(name, 0) == getattr(real, name), (found[1], name)
            compared += 1
    assert compared >= 15


def test_every_vocabulary_has_a_source_and_a_model_that_it_fits() -> None:
    for vocabulary in known():
        assert DATA[vocabulary.id]["source"]
        assert vocabulary.kind in ("bpe", "spm", "wordpiece", "unigram")
        assert vocabulary.picks
        assert all(vocabulary.rows <= pick.first <= pick.last for pick in vocabulary.picks), vocabulary.id


def test_no_model_has_two_vocabularies() -> None:
    picks = [(family, pick, v.id) for v in known() for pick in v.picks for family in pick.families]
    for family, pick, owner in picks:
        clash = [o for f, p, o in picks if f == family and p.first <= pick.last and pick.first <= p.last and o != owner]
        assert not clash, (family, owner, clash)


@pytest.mark.parametrize("row", PUBLISHED, ids=published_id)
def test_published_files_have_the_vocabulary_we_say(row: dict[str, Any]) -> None:
    found = find_vocabulary(known(), row["family"], row["rows"])
    assert found is not None
    assert found.id == row["vocabulary"]


@pytest.mark.parametrize("row", CURRENT, ids=published_id)
def test_published_files_lie_in_the_range(row: dict[str, Any]) -> None:
    real = row["file_bytes"] - row["tensor_bytes"]
    ours = predicted(row)
    assert ours.low <= real <= ours.high
    assert abs(real - ours.value) <= 1e-4 * row["file_bytes"]


def test_the_error_on_published_files_is_as_stated() -> None:
    errors = [abs(row["file_bytes"] - row["tensor_bytes"] - predicted(row).value) for row in CURRENT]
    assert median(errors) <= 2_500
    assert max(errors) <= 36_000
    # Where the vocabulary was not derived from a published file, all but the other pairs is exact.
    for row in CURRENT:
        if "derived_from" not in row:
            rest = row["file_bytes"] - row["tensor_bytes"] - HEADER - tensor_info_bytes(tensors(row))
            rest -= tokenizer_bytes(known(), row["family"], row["rows"]).value
            assert OTHER_PAIRS.low <= rest <= OTHER_PAIRS.high


@pytest.mark.parametrize("row", OLDER, ids=published_id)
def test_older_converters_wrote_more_but_under_a_thousandth(row: dict[str, Any]) -> None:
    more = row["file_bytes"] - row["tensor_bytes"] - predicted(row).value
    assert 0 < more <= 1e-3 * row["file_bytes"]


@pytest.mark.parametrize("model", ["Llama-3-8B", "DeepSeek-Coder-6.7B", "bge-small-en-v1.5"])
def test_what_older_converters_wrote_more_is_a_score_per_row(model: str) -> None:
    row = next(row for row in OLDER if row["model"] == model)
    vocabulary = find_vocabulary(known(), row["family"], row["rows"])
    assert vocabulary is not None
    size = vocabulary_bytes(vocabulary._replace(scores=True), row["rows"])
    ours = metadata_bytes(MetadataBytes(size, size, size), tensors(row))
    assert ours.low <= row["file_bytes"] - row["tensor_bytes"] <= ours.high


def test_a_file_of_the_formats_own_writer_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "small.gguf"
    texts, merges = ["a", "bé", "[PAD2]", "[PAD3]"], ["a b", "é a"]
    shapes = {"token_embd.weight": (4, 3), "blk.0.attn_norm.weight": (5,), "blk.0.ffn_gate_exps.weight": (2, 3, 4)}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(texts)
    writer.add_token_scores([0.0] * 4)
    writer.add_token_types([1] * 4)
    writer.add_token_merges(merges)
    for name, shape in shapes.items():
        writer.add_tensor(name, numpy.zeros(shape, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    architecture = 8 + len("general.architecture") + 4 + 8 + len("llama")
    monkeypatch.setattr(metadata, "OTHER_PAIRS", MetadataBytes(architecture, architecture, architecture))
    vocabulary = Vocabulary("v", "bpe", "gpt2", "default", rows=2, token_bytes=4, merges=2, merge_bytes=7, scores=True)
    pairs = vocabulary_bytes(vocabulary, rows=4)
    before = metadata_bytes(MetadataBytes(pairs, pairs, pairs), [(name, len(shape)) for name, shape in shapes.items()])
    sizes = [48, 20, 96]
    whole = before.value + sum(sizes) + tensor_padding(sizes)
    assert path.stat().st_size == whole


def test_a_model_smaller_than_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="llama-3 has 128256 tokens, the model only 128255 rows"):
        vocabulary_bytes(next(v for v in known() if v.id == "llama-3"), 128255)


def test_a_model_without_token_embedding_has_no_vocabulary() -> None:
    assert tokenizer_bytes(known(), "vit", 0) == (0, 0, 0)


@pytest.mark.parametrize("vocabulary", known(), ids=lambda v: v.id)
def test_left_out_a_vocabulary_still_lies_in_the_range_of_the_unknown(vocabulary: Vocabulary) -> None:
    others = tuple(v for v in known() if v.id != vocabulary.id)
    family = vocabulary.picks[0].families[0]
    guess = unknown_tokenizer(others, family, vocabulary.rows)
    real = vocabulary_bytes(vocabulary, vocabulary.rows)
    assert guess.low <= real <= guess.high
    assert guess.low <= guess.value <= guess.high
    assert 0.35 * real <= guess.value <= 2 * real


def test_the_error_of_the_unknown_is_as_stated() -> None:
    errors = []
    for vocabulary in known():
        others = tuple(v for v in known() if v.id != vocabulary.id)
        guess = unknown_tokenizer(others, vocabulary.picks[0].families[0], vocabulary.rows).value
        errors.append(abs(guess / vocabulary_bytes(vocabulary, vocabulary.rows) - 1))
    assert median(errors) <= 0.175


def test_an_unknown_vocabulary_is_a_range_and_a_known_one_is_not() -> None:
    assert find_vocabulary(known(), "internlm2", 92544) is None
    unknown = tokenizer_bytes(known(), "internlm2", 92544)
    assert unknown.low < unknown.value < unknown.high
    exact = tokenizer_bytes(known(), "llama", 128256)
    assert exact.low == exact.value == exact.high


def test_the_kind_that_a_family_uses_decides_the_value() -> None:
    assert tokenizer_bytes(known(), "bert", 21128).value < tokenizer_bytes(known(), "gpt2", 21128).value


def test_the_rows_of_two_families_are_told_apart() -> None:
    ids = {(f, r): v.id for f in ("llama", "mistral") for r in (32000, 32768) if (v := find_vocabulary(known(), f, r))}
    assert ids == {("llama", 32000): "llama-2", ("mistral", 32000): "mistral-v1", ("mistral", 32768): "mistral-v3"}


@given(st.text(min_size=1), st.integers(1, 4))
def test_a_longer_name_costs_its_bytes(name: str, axes: int) -> None:
    info = tensor_info_bytes([(name, axes)])
    assert tensor_info_bytes([(name + "é", axes)]) == info + 2
    assert tensor_info_bytes([(name, axes + 1)]) == info + 8
    assert tensor_info_bytes([(name, axes)] * 3) == 3 * info


@given(st.integers(0, 10**6), st.sampled_from([1, 8, 32, 64, 4096]))
def test_alignment(size: int, alignment: int) -> None:
    end = aligned(size, alignment)
    assert end % alignment == 0
    assert 0 <= end - size < alignment
    assert tensor_padding([size, size], alignment) == 2 * (end - size)
    assert all(part % alignment == 0 for part in metadata_bytes(MetadataBytes(size, size, size), [], alignment))


@given(st.integers(32000, 33000))
def test_a_padding_row_costs_its_name_and_its_numbers(rows: int) -> None:
    llama = next(v for v in known() if v.id == "llama-2")
    name, length, score, token_type = len("[PAD32000]"), 8, 4, 4
    one_more = vocabulary_bytes(llama, rows + 1) - vocabulary_bytes(llama, rows)
    assert one_more == name + length + score + token_type


def test_each_tensor_of_a_file_ends_at_a_multiple_of_32_bytes() -> None:
    """32 values of four bytes are four times 32; one value more takes 32 bytes more, of which 28 hold nothing."""

    def size(*rows: int) -> int:
        groups = [TensorGroup(f"t{n}", "norm", "norm", (count,), (), 1, 1, None) for n, count in enumerate(rows)]
        return file_bytes(tiny_spec(), [StoredTensor(group, format_of("fp32")) for group in groups]).value

    assert size(33, 32) - size(32, 32) == size(32, 33) - size(32, 32) == 32
    assert size(33, 33) - size(32, 32) == 64
    assert size(40, 32) - size(32, 32) == 32, "which are full"


def test_a_group_is_as_many_tensors_as_it_has_layers() -> None:
    """Each has a name, axes and a place of its own, so three layers take more than three times the bytes of weights."""

    def size(*layers: int) -> int:
        group = TensorGroup("blk.{layer}.norm.weight", "norm", "norm", (32,), layers, 1, 1, None)
        return file_bytes(tiny_spec(), [StoredTensor(group, format_of("fp32"))]).value

    # An entry: length of the name and the name, number of axes, one axis, type, offset; then 128 bytes of weights.
    entry = 8 + len("blk.0.norm.weight") + 4 + 8 + 4 + 8
    more = size(0, 1, 2) - size(0)
    assert 2 * (entry + 128) - 32 < more < 2 * (entry + 128) + 32
