"""vLLM's start-up logs: `tests/truth/vllm.json`, each row asked for with the settings that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.vllm_rows import UNKNOWN_MIXTURE, Case, activations, cases, complete, fitted, graph_rows, run, version

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.runtimes.vllm.overhead import non_torch_bytes
from llmscale.runtimes.vllm.releases import release
from llmscale.runtimes.vllm.shards import resident_bytes, weights_per_rank
from llmscale.units import GIB

WEIGHTS = "vLLM weights per rank"
ACTIVATIONS = "vLLM activation peak"
NON_TORCH = "vLLM memory outside PyTorch"
GRAPHS = "vLLM CUDA graphs"
CACHE = "vLLM KV cache"
TOKENS = "vLLM KV tokens"
SOURCE = "Start-up logs of vLLM 0.8 to 0.19 as published, printed with two decimals of GiB: `tests/truth/vllm.json`."
MIXTURE = "its checkpoint leaves the MLPs of some layers in 16 bits, which no row says"


def comparisons() -> Iterator[Comparison]:
    """What vLLM prints before it serves."""
    yield Comparison(WEIGHTS, SOURCE, list(_weights()), ("vllm", "weights"))
    peaks = _rows(activations(), "activation_peak_gib", lambda c: run(c).stages[-1].activations / GIB)
    yield Comparison(
        ACTIVATIONS,
        f"{SOURCE} One constant, what two peaks of a forward pass leave unexplained, was read off two of these rows.",
        peaks,
        ("vllm", "activations"),
    )
    outside = [c for c in complete() if c.row.get("non_torch_gib")]
    yield Comparison(
        NON_TORCH,
        f"{SOURCE} The figures of a release were read off these rows.",
        _rows(outside, "non_torch_gib", lambda c: non_torch_bytes(release(version(c.row) or ""), c.parallel) / GIB),
        ("vllm", "overhead"),
    )
    yield Comparison(
        GRAPHS,
        "Logs of 0.18 and 0.19: a line fitted to all other models' rows, on the model left out.",
        list(_graphs()),
        ("vllm", "graphs"),
    )
    yield Comparison(CACHE, SOURCE, _rows(complete(), "kv_cache_gib", lambda c: run(c).stages[0].kv_cache / GIB))
    counted = [c for c in complete() if c.row.get("kv_cache_tokens")]
    yield Comparison(TOKENS, SOURCE, _rows(counted, "kv_cache_tokens", _tokens), ("vllm", "kv_cache_tokens"))


def _weights() -> Iterator[Row]:
    for c in cases("weights_gib"):
        loaded = weights_per_rank(c.spec, c.planes, c.parallel)
        loaded += resident_bytes(c.spec, c.planes, c.parallel, 0, c.element_bytes)
        unusual = MIXTURE if c.row["model"] == UNKNOWN_MIXTURE else ""
        yield Row(_name(c), loaded / GIB, c.row["weights_gib"], unusual)


def _graphs() -> Iterator[Row]:
    rows = graph_rows()
    for row in rows:
        line = fitted([other for other in rows if other.name != row.name])
        ours = sum(factor * feature for factor, feature in zip(line, row.features, strict=True))
        yield Row(row.name, ours, row.gib)


def _tokens(c: Case) -> float:
    tokens = run(c).capacity.tokens
    assert tokens is not None
    return tokens


def _rows(found: list[Case], key: str, ours: Callable[[Case], float]) -> list[Row]:
    return [Row(_name(c), ours(c), c.row[key]) for c in found]


def _name(c: Case) -> str:
    row, parallel = c.row, c.parallel
    told = [c.name, f"({row['model']})" if row.get("quantization") else "", f"vLLM {row.get('vllm_version') or '?'}"]
    told.append(f"{row.get('gpu')}, tp {parallel.tensor} pp {parallel.pipeline}, {row.get('max_model_len')} tokens")
    return " ".join(word for word in told if word)
