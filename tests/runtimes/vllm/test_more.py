"""vLLM's start-up logs of other cards, quants and releases (`tests/truth/vllm_more.json`).

The tolerances are the errors as they are, a little widened; `benchmarks/accuracy` prints them.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from llmscale.units import GIB
from tests.runtimes.vllm.more import complete, laid_out, more, started, weights


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


def test_requests_of_a_cache_of_the_bytes_that_are_printed() -> None:
    off = []
    for one in more("kv_cache_gib", "max_concurrency", "max_model_len"):
        gib, requests = one.row["kv_cache_gib"], one.row["max_concurrency"]
        low, high = (laid_out(one, gib + half).concurrency for half in (-0.006, 0.006))
        if not low - 0.006 <= requests <= high + 0.006 and not one.row.get("kv_unusual"):
            off.append((one.name, laid_out(one, gib).concurrency, requests))
    assert not off
