"""The parts of llama.cpp's memory model, each by what it promises."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.runtimes.llama_cpp.facts import AttentionFacts, LatentAttentionFacts, LayerFacts, MlpFacts, ModelFacts
from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.alloc import Arena, allocate
from llmscale.runtimes.llama_cpp.simulator.buffers import buffers, compute_bytes, refusal
from llmscale.runtimes.llama_cpp.simulator.cells import cells, pad
from llmscale.runtimes.llama_cpp.simulator.graph import Graph, GraphTensor
from llmscale.runtimes.llama_cpp.simulator.layers import layer_devices, placed_layers, shortened
from llmscale.sources import load

LAYER = LayerFacts(AttentionFacts(32, 8, 128, 128), MlpFacts(14336))
LLAMA = ModelFacts("llama", 4096, 128256, (LAYER,) * 32)
WINDOWED = LLAMA._replace(layers=(LAYER._replace(windowed=True), LAYER) * 16, window=128)


@pytest.mark.parametrize(
    ("settings", "full"),
    [
        (LlamaCppSettings(n_ctx=512, n_seq=4), 256),
        (LlamaCppSettings(n_ctx=4196, n_seq=3), 1536),
        (LlamaCppSettings(n_ctx=4196, n_seq=3, unified=True), 4352),
        (LlamaCppSettings(n_ctx=1), 256),
    ],
)
def test_cells_are_padded_per_stream(settings: LlamaCppSettings, full: int) -> None:
    assert cells(LLAMA, settings) == (full, 0)


@pytest.mark.parametrize(
    ("settings", "window"),
    [
        (LlamaCppSettings(n_ctx=8192), 768),
        (LlamaCppSettings(n_ctx=8192, n_ubatch=2048), 2304),
        (LlamaCppSettings(n_ctx=8192, n_seq=4, unified=True), 1024),
        (LlamaCppSettings(n_ctx=8192, swa_full=True), 8192),
        (LlamaCppSettings(n_ctx=512), 512),
    ],
)
def test_a_window_keeps_itself_and_one_batch(settings: LlamaCppSettings, window: int) -> None:
    assert cells(WINDOWED, settings).window == window


@given(st.integers(1, 1 << 20), st.integers(1, 8))
def test_more_context_never_means_fewer_cells(context: int, sequences: int) -> None:
    fewer = cells(LLAMA, LlamaCppSettings(n_ctx=context, n_seq=sequences)).full
    assert fewer * sequences >= context
    assert cells(LLAMA, LlamaCppSettings(n_ctx=context + 1, n_seq=sequences)).full >= fewer
    assert pad(context) % 256 == 0


def test_the_smallest_hole_that_holds_a_block_is_taken_and_holes_join() -> None:
    arena = Arena(32)
    blocks = [arena.take(size) for size in (64, 32, 96, 32, 32)]
    assert blocks == [0, 64, 96, 192, 224]
    arena.free(0, 64)
    arena.free(96, 96)
    assert arena.take(60) == 0
    arena.free(0, 60)
    arena.free(64, 32)
    assert arena.take(192) == 0
    assert arena.size == 256


@given(st.lists(st.tuples(st.integers(1, 4096), st.booleans()), max_size=60))
def test_blocks_never_overlap(steps: list[tuple[int, bool]]) -> None:
    arena, live = Arena(128), []
    for size, drop in steps:
        if drop and live:
            arena.free(*live.pop(0))
        else:
            live.append((arena.take(size), size))
        ordered = sorted(live)
        assert all(a + size <= b for (a, size), (b, _) in pairwise(ordered))
        assert all(offset % 128 == 0 for offset, _ in ordered)


def test_an_operation_writes_over_a_source_that_nothing_else_reads() -> None:
    def size(last: GraphTensor) -> int:
        graph = Graph()
        graph.expand(last)
        for tensor in (*graph.nodes, *graph.leafs):
            tensor.backend = 0
        return allocate(graph.nodes, graph.leafs, 1, (32,))[0]

    start = ops.given("f32", 1024)
    assert size(ops.like("scale", start)) == 4096
    start = ops.given("f32", 1024)
    assert size(ops.like("cont", start)) == 8192
    start = ops.given("f32", 1024)
    assert size(ops.like("add", ops.like("scale", start), start)) == 8192


def test_layers_go_to_devices_from_the_end_and_the_output_with_them() -> None:
    assert layer_devices(4, Offload(1, gpu_layers=0)) == [1, 1, 1, 1, 1]
    assert layer_devices(4, Offload(1, gpu_layers=1)) == [1, 1, 1, 1, 0]
    assert layer_devices(4, Offload(1)) == [0, 0, 0, 0, 0]
    assert layer_devices(7, Offload(2)) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert layer_devices(7, Offload(2, split=(3.0, 1.0))) == [0, 0, 0, 0, 0, 0, 1, 1]
    assert layer_devices(3, Offload()) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "model", ["phi-2", "gemma-3-27b", "command-a", "hunyuan-a13b", "qwen3-vl-2b", "qwen3-next-80b-a3b"]
)
@pytest.mark.parametrize("devices", [0, 1])
def test_few_layers_need_what_all_layers_need(model: str, devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, offload = facts_of(load(model).known()), Offload(devices)
    settings = [
        LlamaCppSettings(512, flash_attention=False),
        LlamaCppSettings(8192, n_seq=4, unified=True, n_outputs_max=4),
    ]
    assert len(shortened(placed_layers(facts, offload))) < len(facts.layers)
    short = [compute_bytes(facts, asked, offload) for asked in settings]
    monkeypatch.setattr("llmscale.runtimes.llama_cpp.simulator.buffers.shortened", lambda sequence: sequence)
    assert short == [compute_bytes(facts, asked, offload) for asked in settings]


def test_a_quantised_cache_on_cuda_is_converted_behind_the_attention() -> None:
    asked = LlamaCppSettings(32768, type_k="q8_0", type_v="q8_0", n_outputs_max=1)
    plain, cuda = (compute_bytes(LLAMA, asked, Offload(1, cuda=cuda))[0] for cuda in (False, True))
    converted = 2 * 2 * 32768 * 8 * 128
    assert plain < cuda <= plain + converted
    assert compute_bytes(LLAMA, LlamaCppSettings(32768, n_outputs_max=1), Offload(1))[0] < cuda


def test_streamed_weights_need_room_on_the_device() -> None:
    asked = LlamaCppSettings(n_outputs_max=1)
    kept = compute_bytes(LLAMA, asked._replace(op_offload=False), Offload(1, gpu_layers=16))[0]
    small, large = (compute_bytes(LLAMA, asked, Offload(1, gpu_layers=16, weights=kind))[0] for kind in ("q4_K", "f16"))
    assert kept < small < large


def test_without_kv_offload_the_cache_is_on_the_host() -> None:
    found = buffers(LLAMA, LlamaCppSettings(kv_offload=False), Offload(1))
    assert found.cache == (0, 4096 * 32 * 2 * 8 * 128 * 2)
    assert found.total == sum(found.cache) + sum(found.compute) + found.output


def test_refusals_are_llama_cpps() -> None:
    assert refusal(LLAMA, LlamaCppSettings(type_v="q8_0", flash_attention=False)) == (
        "quantized V cache requires flash_attn to be enabled"
    )
    latent = LLAMA._replace(layers=(LayerFacts(LatentAttentionFacts(16, 0, 512, 64, 128, 128), MlpFacts(10944)),))
    assert "does not support different K (q8_0) and V (f16)" in (refusal(latent, LlamaCppSettings(type_k="q8_0")) or "")
    odd = LLAMA._replace(layers=(LayerFacts(AttentionFacts(32, 32, 80, 80), MlpFacts(10240)),))
    assert "does not divide n_embd_head_k=80" in (refusal(odd, LlamaCppSettings(type_k="q8_0")) or "")
    assert refusal(LLAMA, LlamaCppSettings(type_k="q8_0", type_v="q4_0")) is None


def test_an_architecture_without_a_graph_says_so() -> None:
    assert not facts_of(load("zamba2-2.7b").known()).known
    assert facts_of(load("llama-3.1-8b").known()).known
