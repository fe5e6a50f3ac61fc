"""vLLM's memory against its own start-up logs (`tests/truth/vllm.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pytest

from llmscale.runtimes.vllm.cache import capacity, kinds, layout
from llmscale.runtimes.vllm.loaded import resident_bytes, weights_per_rank
from llmscale.runtimes.vllm.overhead import GRAPHS, non_torch_bytes
from llmscale.runtimes.vllm.profile import FORWARD_REST
from llmscale.runtimes.vllm.releases import default_batch, release
from llmscale.units import GIB
from tests.runtimes.vllm.rows import UNKNOWN_MIXTURE, activations, cases, complete, fitted, graph_rows, run, version


def errors(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Relative errors in per cent, least first."""
    return sorted(abs(100 * (ours / theirs - 1)) for ours, theirs in pairs)


def test_weights_of_a_rank_are_those_of_the_logs() -> None:
    pairs = []
    for c in cases("weights_gib"):
        if c.row["model"] != UNKNOWN_MIXTURE:
            loaded = weights_per_rank(c.spec, c.planes, c.parallel)
            loaded += resident_bytes(c.spec, c.planes, c.parallel, 0, c.element_bytes)
            pairs.append((loaded / GIB, c.row["weights_gib"]))
    found = errors(pairs)
    assert len(found) >= 55
    assert median(found) <= 0.05
    assert found[-1] <= 1.4


def test_activation_peaks_are_those_of_the_logs() -> None:
    found = errors([(run(c).stages[-1].activations / GIB, c.row["activation_peak_gib"]) for c in activations()])
    assert len(found) >= 30
    assert median(found) <= 0.25
    assert found[-1] <= 1


def test_blocks_follow_from_the_bytes_that_the_logs_give() -> None:
    """The layout alone: exact but for the bytes' rounding to 0.01 GiB and one block."""
    rows = [c for c in cases("kv_cache_gib", "kv_cache_tokens", "max_model_len", "vllm_version") if version(c.row)]
    rows = [c for c in rows if not c.row.get("dcp")]
    assert len(rows) >= 38
    for c in rows:
        row, rules = c.row, release(version(c.row) or "")
        batch = default_batch(79 * GIB, rules, row["max_model_len"])
        cached = kinds(c.spec, c.parallel, kv_bytes=c.element_bytes)
        plan = layout(c.spec, cached, row["max_model_len"], batch, rules, c.parallel)
        low, high = (
            capacity([int((row["kv_cache_gib"] + half) * GIB)], plan, row["max_model_len"], rules)
            for half in (-0.0051, 0.0051)
        )
        assert low.tokens is not None
        assert high.tokens is not None
        assert low.tokens <= row["kv_cache_tokens"] <= high.tokens, row["log"]
        if row.get("max_concurrency"):
            assert low.concurrency - 0.01 <= row["max_concurrency"] <= high.concurrency + 0.01, row["log"]


def test_tokens_are_those_of_the_logs() -> None:
    pairs = []
    for c in complete():
        if c.row.get("kv_cache_tokens"):
            tokens = run(c).capacity.tokens
            assert tokens is not None
            pairs.append((tokens, c.row["kv_cache_tokens"]))
    found = errors(pairs)
    assert len(found) >= 38
    assert median(found) <= 0.1
    assert found[-1] <= 2.5


def test_cache_bytes_are_those_of_the_logs() -> None:
    found = errors([(run(c).stages[0].kv_cache / GIB, c.row["kv_cache_gib"]) for c in complete()])
    assert len(found) >= 40
    assert median(found) <= 0.1
    assert found[-1] <= 2.5


def test_the_line_of_cuda_graphs_is_the_fit_of_the_rows() -> None:
    rows = graph_rows()
    assert len(rows) == 37
    assert fitted(rows) == pytest.approx(list(GRAPHS), rel=0.01)


def test_cuda_graphs_of_models_left_out_of_the_fit() -> None:
    rows = graph_rows()
    found = errors(
        [
            (
                sum(a * b for a, b in zip(fitted([r for r in rows if r.name != row.name]), row.features, strict=True)),
                row.gib,
            )
            for row in rows
        ]
    )
    assert median(found) <= 8
    assert found[-1] <= 37


def test_memory_outside_pytorch_of_the_logs() -> None:
    """Granite's 0.46 GiB, which two rows have and the others do not, is the worst."""
    rows = [c for c in complete() if c.row.get("non_torch_gib")]
    off = sorted(
        abs(non_torch_bytes(release(str(version(c.row))), c.parallel) / GIB - c.row["non_torch_gib"]) for c in rows
    )
    assert len(off) >= 30
    assert median(off) <= 0.01
    assert off[-1] <= 0.22


def test_the_unexplained_part_of_the_forward_pass_carries_over() -> None:
    """Of the two rows whose peak is the forward pass, each alone predicts the other."""
    rest = []
    for name in ("codellama-7b", "granite-3.3-8b"):
        c = next(c for c in activations() if c.name == name)
        rest.append(c.row["activation_peak_gib"] * GIB - run(c).stages[0].activations + FORWARD_REST)
    for own, other in (rest, rest[::-1]):
        assert abs(own - other) <= 0.015 * 0.77 * GIB
        assert abs(own - FORWARD_REST) <= 0.01 * 0.77 * GIB
