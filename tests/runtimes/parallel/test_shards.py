"""What of each tensor a rank holds, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod

import pytest

from llmscale.model.blocks.linear_attention import KimiDeltaAttention
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel import shards as parallel_shards
from llmscale.runtimes.parallel.blocks import share
from llmscale.runtimes.parallel.ranks import ALONE, Parallel, stage_layers
from llmscale.runtimes.parallel.shards import Shard, Whole, weight_bytes
from llmscale.runtimes.parallel.split import padded_vocab
from llmscale.sources.registry import load
from tests.helpers import tiny_spec
from tests.runtimes.vllm.rows import model, plain


def shards(spec: ModelSpec, parallel: Parallel = ALONE, stage: int = 0) -> Iterator[Shard]:
    """Of a server that holds nothing whole on every rank."""
    return parallel_shards.shards(spec, Whole(), parallel, stage)


def test_a_rank_alone_holds_the_whole_model_and_padded_rows() -> None:
    for name in (
        "llama-3.1-8b",
        "granite-3.1-2b",
        "deepseek-v2-lite",
        "qwen3-next-80b-a3b",
        "gpt-oss-20b",
        "mamba-1.4b",
    ):
        parts = inventory(model(name))
        padding = sum(
            (padded_vocab(group.shape[0]) - group.shape[0]) * group.shape[1]
            for group in parts.stored()
            if group.role in ("embedding.token", "head.out")
        )
        assert sum(shard.copies * prod(shard.shape) for shard in shards(model(name))) == parts.total() + padding


def held(spec: ModelSpec, parallel: Parallel, stage: int = 0) -> dict[str, tuple[tuple[int, ...], int]]:
    return {
        s.group.name.removeprefix("model.layers.{layer}."): (s.shape, s.copies) for s in shards(spec, parallel, stage)
    }


def test_heads_and_widths_are_split_and_kv_heads_repeated() -> None:
    """Four query and two KV heads of 16 on four ranks: one query head each, and a KV head on every two."""
    rank = held(tiny_spec(attention_bias=True), Parallel(4))
    assert rank["self_attn.q_proj.weight"] == ((16, 64), 2)
    assert rank["self_attn.k_proj.weight"] == rank["self_attn.v_proj.weight"] == ((16, 64), 2)
    assert rank["self_attn.o_proj.weight"] == ((64, 16), 2)
    assert rank["self_attn.q_proj.bias"] == ((16,), 2)
    assert rank["self_attn.o_proj.bias"] == ((64,), 2)
    assert rank["mlp.up_proj.weight"] == ((32, 64), 2)
    assert rank["mlp.down_proj.weight"] == ((64, 32), 2)
    assert rank["input_layernorm.weight"] == ((64,), 2)
    assert rank["model.embed_tokens.weight"] == rank["lm_head.weight"] == ((128 // 4, 64), 1)


def test_fused_projections_are_split_by_heads() -> None:
    rank = {s.group.role: s.shape for s in shards(model("phi-3-mini"), Parallel(4))}
    assert rank["attention.qkv"] == (3 * 8 * 96, 3072)
    assert rank["mlp.gate_up"] == (2 * 8192 // 4, 3072)


def test_matrices_that_are_stored_transposed_are_split_on_the_other_side() -> None:
    rank = {(s.group.role, len(s.shape)): s.shape for s in shards(model("gpt2"), Parallel(2))}
    assert rank["attention.qkv", 2] == (768, 3 * 768 // 2)
    assert rank["attention.o", 2] == (768 // 2, 768)
    assert rank["embedding.position", 2] == (1024, 768)


def test_latent_attention_repeats_its_low_rank_factors() -> None:
    rank = {s.group.role: s.shape for s in shards(model("deepseek-r1"), Parallel(8)) if len(s.shape) > 1}
    assert rank["attention.q_a"] == (1536, 7168)
    assert rank["attention.kv_a"] == (512 + 64, 7168)
    assert rank["attention.q_b"] == (128 // 8 * 192, 1536)
    assert rank["attention.kv_b"] == (128 // 8 * 256, 512)
    assert rank["attention.o"] == (7168, 128 // 8 * 128)
    assert rank["router.weight"] == (256, 7168)


def test_experts_are_split_or_dealt_out() -> None:
    spec = model("qwen3-30b-a3b")
    gate = {p: next(s for s in shards(spec, p) if s.group.role == "experts.gate") for p in (
        Parallel(4), Parallel(4, experts=True), Parallel(2, data=2), Parallel(2, data=24, experts=True)
    )}  # fmt: skip
    assert [(s.shape, s.experts) for s in gate.values()] == [
        ((768 // 4, 2048), 128),
        ((768, 2048), 128 // 4),
        ((768 // 4, 2048), 128),
        ((768, 2048), ceil(128 / 48)),
    ]


def test_recurrent_layers_are_split_by_heads_and_groups() -> None:
    spec = model("granite-4.0-h-tiny")
    rank = {s.group.name.rpartition("mamba.")[2]: s.shape for s in shards(spec, Parallel(2)) if "mamba" in s.group.name}
    heads, head_dim, state, hidden = 24, 64, 128, 1536
    convolved = heads * head_dim + 2 * state  # one group, which each rank has
    assert rank["in_proj.weight"] == (heads * head_dim + convolved + heads, hidden)
    assert rank["conv1d.weight"] == (convolved, 1, 4)
    assert rank["out_proj.weight"] == (hidden, heads * head_dim)
    assert rank["A_log"] == (heads,)


@pytest.mark.parametrize(
    ("layers", "pipeline", "sizes"),
    [(32, 4, [8, 8, 8, 8]), (30, 4, [7, 8, 8, 7]), (31, 4, [8, 8, 8, 7]), (61, 2, [31, 30]), (5, 1, [5])],
)
def test_layers_left_over_go_to_stages_before_the_last(layers: int, pipeline: int, sizes: list[int]) -> None:
    stages = [stage_layers(layers, pipeline, stage) for stage in range(pipeline)]
    assert [len(stage) for stage in stages] == sizes
    assert [layer for stage in stages for layer in stage] == list(range(layers))


def test_stages_hold_the_model_together_and_a_tied_embedding_twice() -> None:
    for tied in (False, True):
        spec = tiny_spec(tie_word_embeddings=tied)
        whole = weight_bytes(shards(spec), plain(2))
        stages = [weight_bytes(shards(spec, Parallel(pipeline=2), stage), plain(2)) for stage in (0, 1)]
        assert sum(stages) == whole + tied * 2 * 128 * 64
    assert "lm_head.weight" in held(tiny_spec(), Parallel(pipeline=2), 1)
    assert "model.embed_tokens.weight" in held(tiny_spec(), Parallel(pipeline=2), 0)
    assert "model.norm.weight" not in held(tiny_spec(), Parallel(pipeline=2), 0)


def test_keys_that_are_values_too_are_loaded_twice() -> None:
    """Gemma 4's full attention has no matrix of values: vLLM fills both places with that of the keys."""
    copies = {shard.group.layers: shard.experts for shard in shards(load("gemma-4-31b").known()) if _is_key(shard)}
    assert sorted(copies.values()) == [1, 2]
    plain = [shard.experts for shard in shards(load("gemma-3-27b").known()) if _is_key(shard)]
    assert set(plain) == {1}


def _is_key(shard: object) -> bool:
    group = shard.group  # type: ignore[attr-defined]
    return bool(group.role == "attention.k" and group.component == "attention" and len(group.shape) == 2)


@pytest.mark.parametrize("decays", [(1, 1, 32, 1), (32,), (32, 128)])
def test_decays_are_dealt_out_by_heads_however_they_are_kept(decays: tuple[int, ...]) -> None:
    """Kimi Linear keeps them between ones, later families alone."""
    block = KimiDeltaAttention(hidden=256, heads=32, head_dim=128, conv=4, decays=decays)
    group = TensorGroup("A_log", "recurrent.a", "recurrent", decays, (0,), 1, 1, None)
    assert share(block, group, 4) == tuple(8 if size == 32 else size for size in decays)
