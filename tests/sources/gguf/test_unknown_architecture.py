"""GGUF files of an architecture that nobody here knows: what their metadata say of caches, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import InputFileError
from llmscale.model.shape import LayerCache, Shape, shape_of
from llmscale.sources.interface import Loaded
from llmscale.sources.registry import load
from tests.gguf_files import Written, about, gguf_bytes, llama, write

ARCH = "nobody-knows"


def loaded(path: str) -> Loaded:
    found = load(path)
    assert isinstance(found, Loaded)
    return found


def shape(tmp_path: Path, tensors: list[Written] | None = None, **said: Any) -> Shape:
    metadata = about(ARCH, layers=6) | {f"{ARCH}.{key.replace('__', '.')}": value for key, value in said.items()}
    return shape_of(loaded(write(tmp_path / "a.gguf", metadata, tensors or llama(layers=6))).known())


@pytest.mark.parametrize(("pattern", "windowed"), [(3, 4), ([True, False, True, False, False, False], 2), (0, 0)])
def test_layers_with_a_window_are_those_of_the_pattern(tmp_path: Path, pattern: Any, windowed: int) -> None:
    found = shape(tmp_path, attention__sliding_window=512, attention__sliding_window_pattern=pattern)
    by_window = {cache.window: cache.layers for cache in found.caches}
    assert by_window.get(512, 0) == windowed
    assert by_window.get(None, 0) == 6 - windowed


def test_a_latent_cache_is_one_row_of_rank_and_positions(tmp_path: Path) -> None:
    tensors = [*llama(layers=6), Written("blk.0.attn_k_b.weight", (4, 64, 32), "F16")]
    said = {"kv_lora_rank": 96, "key_length_mla": 80, "value_length_mla": 64, "q_lora_rank": 128}
    latent = {f"attention__{key}": value for key, value in said.items()}
    (cache,) = shape(tmp_path, tensors, rope__dimension_count=16, **latent).caches
    assert (cache.layers, cache.keys + cache.values) == (6, 96 + 16)


def test_layers_without_kv_heads_keep_a_state(tmp_path: Path) -> None:
    ssm = {"inner_size": 512, "state_size": 16, "group_count": 2, "conv_kernel": 4}
    found = shape(
        tmp_path,
        attention__head_count_kv=[0, 0, 2, 0, 0, 2],
        **{f"ssm__{key}": value for key, value in ssm.items()},
    )
    assert found.caches == (LayerCache(2, 128, 128),)
    (state,) = found.states
    assert (state.layers, state.elements) == (4, 512 * 16 + 3 * (512 + 2 * 2 * 16))


def test_a_token_goes_through_the_experts_that_it_uses(tmp_path: Path) -> None:
    experts = {"expert_count": 8, "expert_used_count": 2, "expert_feed_forward_length": 1000}
    experts["expert_shared_feed_forward_length"] = 300
    found = shape(tmp_path, leading_dense_block_count=1, **experts)
    assert found.intermediate == 2 * 1000 + 300


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"feed_forward_length": 1 << 30}, "feed_forward_length = 1,073,741,824"),
        ({"embedding_length": 1 << 30}, "embedding_length = 1,073,741,824"),
        ({"attention__head_count": [1 << 30] * 6}, "attention.head_count = 1,073,741,824"),
    ],
)
def test_numbers_that_no_model_has_are_refused(tmp_path: Path, said: dict[str, Any], word: str) -> None:
    with pytest.raises(InputFileError) as caught:
        shape(tmp_path, **said)
    assert word in caught.value.message


def test_tensors_beside_a_known_model_are_said(tmp_path: Path) -> None:
    tensors = [*llama(), Written("extra.weight", (512, 512), "F16")]
    found = loaded(write(tmp_path / "a.gguf", about(), tensors))
    assert "1 more tensors than the model, with 262,144 parameters" in found.known().warnings[0]
    assert found.known().family == "llama"


def test_a_few_tensors_beside_it_are_not(tmp_path: Path) -> None:
    found = loaded(write(tmp_path / "a.gguf", about(), [*llama(), Written("extra.scale", (4,), "F32")]))
    assert found.known().warnings == ()


def of_pairs(count: int, raw: bytes) -> bytes:
    """A file of no tensors whose `count` pairs are written out."""
    return b"GGUF" + struct.pack("<IQQ", 3, 0, count) + raw


def key(name: str) -> bytes:
    return struct.pack("<Q", len(name)) + name.encode()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (of_pairs(2, 2 * (key("a") + struct.pack("<II", 4, 7))), "the key 'a' twice"),
        (of_pairs(1, key("a") + struct.pack("<IIQ", 9, 8, 1 << 23)), "8,388,608 texts"),
        (of_pairs(1, key("a") + struct.pack("<IIQ", 9, 77, 3)), "an array of type 77"),
        (of_pairs(1, key("a") + struct.pack("<I", 77)), "a value of type 77"),
        (gguf_bytes(about(), [Written("token_embd.weight", (4, 100), "Q4_K")]), "no multiple of 256"),
    ],
)
def test_headers_that_no_writer_makes_are_refused(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    with pytest.raises(InputFileError) as caught:
        load(str(path))
    assert word in caught.value.message


def test_a_long_array_is_passed_over_and_what_stands_behind_it_is_read(tmp_path: Path) -> None:
    scores = {"tokenizer.ggml.scores": list(range(5000)), "tokenizer.ggml.tokens": ["a"] * 320}
    found = loaded(write(tmp_path / "a.gguf", scores | about(), llama()))
    assert found.known().layers == 2


def test_a_file_of_very_many_parts_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a-00001-of-90000.gguf", about(), llama())
    with pytest.raises(InputFileError) as caught:
        load(path)
    assert "90,000 parts" in caught.value.message


def test_two_parts_that_name_the_same_tensor_are_refused(tmp_path: Path) -> None:
    for part in (1, 2):
        write(tmp_path / f"a-{part:05d}-of-00002.gguf", about(), llama())
    with pytest.raises(InputFileError) as caught:
        load(str(tmp_path / "a-00001-of-00002.gguf"))
    assert "two of its parts name the same tensor" in caught.value.message
