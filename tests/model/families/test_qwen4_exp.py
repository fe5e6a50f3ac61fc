"""Qwen4-Exp: what a file may say otherwise, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.errors import LlmscaleError
from llmscale.model.blocks.attention import BlockIndexer
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from tests.oracle.subjects import CONFIGS

BARE: dict[str, Any] = json.loads((CONFIGS / "qwen4_exp_text-bare.json").read_text(encoding="utf-8"))


def spec(**changes: Any) -> ModelSpec:
    return from_config({**BARE, **changes}, "a file")


def total(**changes: Any) -> int:
    return inventory(spec(**changes)).total()


def rows(**changes: Any) -> list[int]:
    return [g.shape[0] for g in inventory(spec(**changes)).groups if g.name.endswith("ngram_embedding.weight")]


def test_each_table_has_a_prime_of_its_own_and_each_layer_the_next_ones() -> None:
    primes = [1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049]
    said = {"heads_per_ngram": 2, "make_ngram_vocab_size_divisible_by": 10}
    assert rows(**said) == [4070]  # 1,009 to 1,021 come to 4,062
    assert rows(**said, ple_layer_ids=[3, 1, 3]) == [4070, -(-sum(primes[4:]) // 10) * 10]
    assert rows(ple_layer_ids=[]) == rows(ple_layer_ids=None) == []
    assert rows(ngram_vocab_size_base=1, heads_per_ngram=1, make_ngram_vocab_size_divisible_by=1) == [2 + 3]


def test_what_a_file_leaves_open_is_what_the_class_assumes() -> None:
    assert total() == total(hc_count=4, hc_lowrank=320, full_attention_interval=4, ple_embed_dim=BARE["hidden_size"])
    assert total(full_attention_interval=5) != total()
    types = (["linear_attention"] * 3 + ["full_attention"]) * 2
    assert total(layer_types=types) == total()
    assert not any(isinstance(p.block, BlockIndexer) for p in spec(layer_types=["linear_attention"] * 8).placed)


def test_the_indexer_keeps_one_key_a_token() -> None:
    kept = [p.block.cache() for p in spec().placed if isinstance(p.block, BlockIndexer)]
    assert [shape.keys for shape in kept if shape] == [256]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer_types": ["sliding_attention"] * 8}, "sliding_attention"),
        ({"indexer_kv_heads": 2}, "indexer_kv_heads"),
        ({"indexer_n_heads": None}, "indexer_n_heads"),
        ({"ple_layer_ids": [4]}, "ple_layer_ids"),
        ({"ple_layer_ids": [9]}, "ple_layer_ids"),
        ({"ple_embed_dim": 100}, "ple_embed_dim"),
        ({"heads_per_ngram": 64, "ple_layer_ids": [1, 2, 3, 5, 6]}, "n-grams"),
        ({"ngram_vocab_size_base": 1 << 40}, "ngram_vocab_size_base"),
        ({"hc_count": 1}, "hc_count"),
    ],
)
def test_what_the_class_refuses_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LlmscaleError, match=said):
        spec(**changes)
