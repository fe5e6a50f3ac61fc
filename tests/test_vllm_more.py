"""vLLM's start-up logs of other cards, quants and releases (`tests/truth/vllm_more.json`), and what they showed.

The tolerances are the errors as they are, a little widened; `benchmarks/accuracy` prints them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

import pytest

from llmscale.answers.serve import card_of
from llmscale.devices.device import entries
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import quant
from llmscale.runtimes.vllm.cache import kinds, layout
from llmscale.runtimes.vllm.formats import planes_of
from llmscale.runtimes.vllm.overhead import captured, graph_bytes, non_torch_bytes
from llmscale.runtimes.vllm.profile import Device, tower_peak
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.runtimes.vllm.shards import (
    ALONE,
    Parallel,
    allocator_slack,
    deepstack,
    resident_bytes,
    rotary_bytes,
    shards,
)
from llmscale.sources import load
from llmscale.units import GIB, MIB
from tests.vllm_more import More, complete, laid_out, more, planes, started, weights


def errors(pairs: Iterable[tuple[float, float]]) -> list[float]:
    """In percent, largest last."""
    return sorted(100 * abs(ours / truth - 1) for ours, truth in pairs)


def test_weights_of_a_rank() -> None:
    usual = [one for one in more("weights_gib") if one.whole and not one.row.get("weights_unusual")]
    assert len(usual) > 50
    off = errors((weights(one) / GIB, one.row["weights_gib"]) for one in usual)
    assert median(off) < 0.05
    assert off[-1] < 1.3


def test_tokens_of_a_cache_of_the_bytes_that_are_printed() -> None:
    """Exact for all rows but one: as near as the two decimals of the bytes allow."""
    usual = [one for one in more("kv_cache_gib", "kv_cache_tokens", "max_model_len") if not one.row.get("kv_unusual")]
    assert len(usual) > 40
    off = []
    for one in usual:
        gib, tokens = one.row["kv_cache_gib"], one.row["kv_cache_tokens"]
        low, high = (laid_out(one, gib + half).tokens or 0 for half in (-0.006, 0.006))
        if not low <= tokens <= high:
            off.append((abs((laid_out(one, gib).tokens or 0) / tokens - 1), one.name))
    assert len(off) <= 2, off
    assert max(off)[0] < 0.03


def test_what_is_left_for_the_cache() -> None:
    usual = [one for one in complete() if not one.row.get("kv_unusual") and not one.row.get("weights_unusual")]
    assert len(usual) > 12
    off = errors((started(one).stages[0].kv_cache / GIB, one.row["kv_cache_gib"]) for one in usual)
    assert median(off) < 1.5
    assert off[-1] < 9.1


def test_each_row_says_where_it_is_from() -> None:
    for one in more():
        assert one.row["source"]
        assert not one.row.get("gpu_total_gib") or one.row["gpu"] != "not said", one.name


# What loading leaves besides the weights


def test_rotary_tables_are_as_long_as_the_published_positions_say() -> None:
    spec = load("llama-3.1-8b").known()
    assert rotary_bytes(spec, 2) == 131072 * 128 * 2
    assert rotary_bytes(replace(spec, positions=8192), 2) == 8192 * 128 * 2
    assert rotary_bytes(replace(spec, rotary_share=0.5), 2) == 131072 * 64 * 2
    # Two kinds of layers, two bases; linear stretching lengthens the table of full attention alone.
    gemma = load("gemma-3-27b").known()
    assert rotary_bytes(gemma, 2) == (8 + 1) * 131072 * 128 * 2
    # Positions in three dimensions: four times as many.
    vision = load("qwen3-vl-8b").known()
    assert rotary_bytes(vision, 2) == 4 * (vision.positions or 0) * 128 * 2
    assert rotary_bytes(load("gpt2").known(), 2) == 0


def test_the_outputs_of_a_tower_that_enter_later_layers_have_buffers() -> None:
    spec, size = load("qwen3-vl-8b").known(), planes_of(quant("bf16"))
    assert deepstack(spec) == 3
    step = resident_bytes(spec, size, tokens=8192) - resident_bytes(spec, size)
    assert step == 3 * 8192 * spec.hidden_size * 2
    assert deepstack(load("qwen2.5-vl-7b").known()) == 0
    second = Parallel(pipeline=2)
    assert resident_bytes(spec, size, second, 1, tokens=8192) == resident_bytes(spec, size, second, 1)


def test_values_and_scales_are_rounded_up_apart() -> None:
    """Each is a tensor, which has whole 2 MiB from 10 MiB on; small ones share a segment."""
    spec = load("llama-3.1-8b").known()

    def size(values: int, scales: int) -> int:
        return allocator_slack(spec, lambda group, _: (values, scales) if group.role == "mlp.down" else (0,))

    assert size(11 * MIB + MIB // 2, 0) == 32 * (MIB // 2)
    assert size(11 * MIB + MIB // 2, 11 * MIB + MIB // 2) == 2 * size(11 * MIB + MIB // 2, 0)
    assert size(11 * MIB + MIB // 2, MIB // 2) == size(11 * MIB + MIB // 2, 0)
    assert size(12 * MIB, 12 * MIB) == 0
    # More than 1 MiB is cut off and used.
    assert size(10 * MIB + MIB // 2, 0) == 0


def test_kinds_of_layers_are_tensors_of_their_own() -> None:
    """Windowed and full layers are as many tensors as there are layers, not one for each name."""
    spec = load("gemma-3-27b").known()
    one = 11 * MIB + MIB // 2
    slack = allocator_slack(
        spec, lambda group, _: (one,) if (group.role, group.component) == ("mlp.down", "mlp") else (0,)
    )
    assert slack == spec.layers * (MIB // 2)


def test_keys_that_are_values_too_are_loaded_twice() -> None:
    """Gemma 4's full attention has no matrix of values: vLLM fills both places with that of the keys."""
    copies = {shard.group.layers: shard.experts for shard in shards(load("gemma-4-31b").known()) if _is_key(shard)}
    assert sorted(copies.values()) == [1, 2]
    plain = [shard.experts for shard in shards(load("gemma-3-27b").known()) if _is_key(shard)]
    assert set(plain) == {1}


def _is_key(shard: object) -> bool:
    group = shard.group  # type: ignore[attr-defined]
    return bool(group.role == "attention.k" and group.component == "attention" and len(group.shape) == 2)


def test_states_are_as_wide_as_the_config_says() -> None:
    assert load("qwen3.5-35b-a3b").known().state_dtype == "float32"
    assert not load("llama-3.1-8b").known().state_dtype


# What is measured


def test_outside_pytorch_goes_by_the_card_and_its_links() -> None:
    h100, ada = Device(), Device(capability=8.9, linked=False)
    old, new = release("0.11.0"), release("0.19.0")
    assert non_torch_bytes(old, ALONE, h100) == round(0.13 * GIB)
    assert non_torch_bytes(old, ALONE, ada) == round(0.02 * GIB)
    assert non_torch_bytes(new, ALONE, h100) == round(0.25 * GIB)
    for capability in (8.0, 8.9, 11.0, 12.0, 12.1):
        assert non_torch_bytes(new, ALONE, Device(capability=capability, linked=False)) == round(0.12 * GIB)
    pair = Parallel(2)
    assert non_torch_bytes(old, pair, h100) == round(0.54 * GIB)
    assert non_torch_bytes(old, pair, ada) == round(0.09 * GIB)
    assert non_torch_bytes(new, pair, ada) == round(0.12 * GIB)
    assert non_torch_bytes(new, pair, h100) > 2 * GIB


def test_graphs_go_with_the_sizes_that_are_captured() -> None:
    """1, 2, 4, then every 8 up to 256, then every 16 up to 512: 51; whole graphs for those that are no more than the
    sequences: 35 of 256."""
    assert captured(Batch(8192, 1024)) == 51 + 51
    assert captured(Batch(2048, 256)) == 51 + 35
    assert captured(Batch(2048, 8)) == 5 + 4
    assert captured(Batch(1, 1)) == 1 + 1
    spec = load("llama-3.1-8b").known()
    whole, few = graph_bytes(spec), graph_bytes(spec, batch=Batch(2048, 8))
    assert few == pytest.approx(whole * 9 / 102, rel=1e-6)
    assert graph_bytes(spec, eager=True, batch=Batch(2048, 8)) == 0


def test_only_towers_with_large_images_have_a_peak_of_their_own() -> None:
    batch = Batch(2048, 256)
    assert tower_peak(load("qwen3-vl-8b").known(), batch) > GIB
    assert tower_peak(load("gemma-3-27b").known(), batch) == 0
    assert tower_peak(load("llama-3.1-8b").known(), batch) == 0


# Cards


@pytest.mark.parametrize(
    ("name", "capability", "linked"),
    [
        ("rtx3090", 8.6, False),
        ("a100-80gb", 8.0, False),
        ("rtx4090", 8.9, False),
        ("l40s", 8.9, False),
        ("h100", 9.0, True),
        ("h100-pcie", 9.0, False),
        ("h100-nvl", 9.0, False),
        ("h200", 9.0, True),
        ("b200", 10.0, True),
        ("rtx5090", 12.0, False),
        ("dgx-spark", 12.1, False),
        ("79.19GiB", 9.0, True),
        ("rtx4090 + rtx3090", 8.6, False),
        ("mi300x", 0, False),
    ],
)
def test_a_card_is_what_nvidia_says_it_can(name: str, capability: float, linked: bool) -> None:
    device = card_of(device_set(name)).device
    assert (device.capability, device.linked) == (capability, linked)
    assert device.hopper == (capability >= 9)


def test_all_of_nvidias_devices_say_what_they_can() -> None:
    for device in entries():
        assert (device.compute_capability is not None) == (device.vendor == "NVIDIA"), device.id
        assert device.compute_capability is None or 3 <= device.compute_capability < 13


def test_0_20_0_counts_tokens_as_before() -> None:
    assert release("0.20.0").graphs_counted
    assert not release("0.20.0").tokens_by_requests
    assert release("0.20.1").tokens_by_requests


def test_rows_are_asked_with_the_kernel_of_their_card() -> None:
    late: More = next(one for one in more("found") if one.spec.family == "gpt_oss")
    group = next(shard.group for shard in shards(late.spec) if shard.group.role == "experts.down")
    assert len(planes(late)(group, group.shape)) == 2


def test_requests_of_a_cache_of_the_bytes_that_are_printed() -> None:
    off = []
    for one in more("kv_cache_gib", "max_concurrency", "max_model_len"):
        gib, requests = one.row["kv_cache_gib"], one.row["max_concurrency"]
        low, high = (laid_out(one, gib + half).concurrency for half in (-0.006, 0.006))
        if not low - 0.006 <= requests <= high + 0.006 and not one.row.get("kv_unusual"):
            off.append((one.name, laid_out(one, gib).concurrency, requests))
    assert not off


def test_what_whisper_hears_takes_blocks_for_a_whole_step() -> None:
    """28 blocks for 448 tokens of text, and one for every 16 tokens of a step; the embedding is on all ranks."""
    spec = load("whisper-large-v3").known()
    heard, said = sorted(kinds(spec), key=lambda kind: not kind.crossed)
    assert (heard.crossed, said.crossed) == (True, False)
    assert heard.token_bytes == said.token_bytes == 2 * 1280 * 2
    for tokens in (2048, 8192):
        plan = layout(spec, [heard, said], 448, Batch(tokens, 256), release())
        assert sorted(group.request_blocks for group in plan.groups) == sorted((tokens // 16, 28))
        assert plan.stage_block_bytes == (32 * 16 * 2 * 1280 * 2,)
    embedding = [shard for shard in shards(spec, Parallel(4)) if shard.group.role == "embedding.token"]
    assert [shard.shape for shard in embedding] == [(51904, 1280)]
    # Graphs of steps that decode alone, of the decoder's half of the layers.
    sizes = captured(Batch(2048, 256), piecewise=False)
    assert sizes == 35
    assert graph_bytes(spec, batch=Batch(2048, 256)) == pytest.approx((0.419 + 0.0136 * 32) * GIB * 35 / 102, rel=1e-6)
    with pytest.raises(UnsupportedModelError):
        kinds(load("bart-large").known())
