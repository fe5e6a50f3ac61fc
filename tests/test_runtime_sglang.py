"""SGLang's static share of a device, against its rule worked out by hand and one published start-up."""

from __future__ import annotations

import json
from math import prod

import pytest

from llmscale.inventory import TensorGroup
from llmscale.runtimes.sglang import defaults, kv_cache_bytes, prefill_graphs
from llmscale.runtimes.vllm.shards import Parallel, weights_per_rank
from llmscale.sources import load
from llmscale.units import GIB, MIB
from tests.helpers import TRUTH

#: What nvidia-smi reports of an H100 and an RTX 4090.
H100, RTX4090 = 81559 * MIB, 24564 * MIB


def test_the_share_of_an_h100() -> None:
    """512 + 1.5 x 8,192 + 128 + 2 x 256 + 8 x 58 MiB stay free."""
    assert prefill_graphs(8192) == 58
    assert defaults(H100) == (8192, 256, round(1 - 13904 / 81559, 3))


def test_small_devices_take_shorter_chunks_and_batches() -> None:
    """42 prefill graphs up to 2,048 tokens, 50 up to 4,096."""
    assert defaults(RTX4090) == (4096, 48, round(1 - (512 + 6144 + 128 + 96 + 8 * 50) / 24564, 3))
    assert defaults(16 * GIB) == (2048, 8, round(1 - (512 + 3072 + 128 + 16 + 8 * 42) / 16384, 3))


def test_more_ranks_reserve_more_and_take_larger_batches() -> None:
    assert defaults(H100, tensor=4)[:2] == (8192, 512)
    assert defaults(H100, tensor=8).fraction == round(1 - (512 + 12288 + 1024 + 1024 + 464) / 81559, 3)
    assert defaults(H100, mla=True).fraction == round(1 - (512 + 12288 + 128 + 512 + 1536) / 81559, 3)


def test_large_devices_never_reserve_less_than_10_gib() -> None:
    assert defaults(H100, chunk=2048, decode_batch=1).fraction == round(1 - 10240 / 81559, 3)
    assert defaults(48 * GIB, chunk=2048, decode_batch=1).fraction > 1 - 10240 / (48 * 1024)


@pytest.mark.parametrize(("tower", "factor"), [((24, 1024), 0.95), ((48, 1024), 0.95 * 0.9), ((400, 1024), 0.95 * 0.8)])
def test_models_that_see_take_less(tower: tuple[int, int], factor: float) -> None:
    assert defaults(H100, vision=tower).fraction == pytest.approx(defaults(H100).fraction * factor)


def test_the_cache_of_a_published_start_up() -> None:
    """Qwen3-235B in FP8 on four H100; 0.8 GiB of each are taken to be the CUDA context's and NCCL's before it loads.

    The release and what loading took besides the weights are not known: 1.3 GiB too much, 8 % of a small cache.
    """
    rows = json.loads((TRUTH / "vllm.json").read_text(encoding="utf-8"))["rows"]
    row = next(row for row in rows if row["engine"] == "sglang")

    def blockwise(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One byte a weight of attention and experts, an FP32 scale for every 128 x 128."""
        quantised = group.component in ("attention", "experts") and len(shape) > 1
        return (prod(shape), prod(shape) // 4096) if quantised else (2 * prod(shape),)

    weights = weights_per_rank(load("qwen3-235b-a22b").known(), blockwise, Parallel(row["tp"]))
    tokens = kv_cache_bytes(int((79.19 - 0.8) * GIB), weights, row["mem_fraction_static"]) // (94 * 2 * 128 * 2)
    assert tokens == pytest.approx(row["kv_cache_tokens"], rel=0.085)


def test_weights_beyond_the_share_leave_no_cache() -> None:
    assert kv_cache_bytes(80 * GIB, 79 * GIB, 0.9) == 0
