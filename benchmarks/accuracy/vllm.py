"""vLLM's start-up logs: `tests/truth/vllm.json` and, of other cards and releases, `tests/truth/vllm_more.json`.

Each row is asked for with the settings that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.runtimes.vllm.more import More, graphs, laid_out, more, started, weights
from tests.runtimes.vllm.more import complete as complete_more
from tests.runtimes.vllm.rows import UNKNOWN_MIXTURE, Case, activations, cases, complete, fitted, graph_rows, run

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.runtimes.vllm.loaded import resident_bytes, weights_per_rank
from llmscale.units import GIB

WEIGHTS = "vLLM weights per rank"
ACTIVATIONS = "vLLM activation peak"
NON_TORCH = "vLLM memory outside PyTorch"
GRAPHS = "vLLM CUDA graphs"
CACHE = "vLLM KV cache"
TOKENS = "vLLM KV tokens"
MORE_WEIGHTS = "vLLM weights per rank, other cards"
MORE_BLOCKS = "vLLM KV tokens of the bytes printed, other cards"
MORE_TOKENS = "vLLM KV tokens, other cards"
MORE_GRAPHS = "vLLM CUDA graphs, other cards"
LATE_WEIGHTS = "vLLM weights per rank, later logs"
LATE_BLOCKS = "vLLM KV tokens of the bytes printed, later logs"
ALL_WEIGHTS = "vLLM weights per rank, all cards"
ALL_GRAPHS = "vLLM CUDA graphs, all cards"
ALL_TOKENS = "vLLM KV tokens, all cards"
SOURCE = "Start-up logs of vLLM 0.8 to 0.19 as published, printed with two decimals of GiB: `tests/truth/vllm.json`."
MORE = (
    "Logs of other cards, quants and releases, written down before anything was changed because of them: "
    "`tests/truth/vllm_more.json`."
)
LATE = "Logs found after that, in the same file: nothing but the kernels of MXFP4 was changed since."
MIXTURE = "its checkpoint leaves the MLPs of some layers in 16 bits, which no row says"


def comparisons() -> Iterator[Comparison]:
    """What vLLM prints before it serves."""
    loaded = list(_weights())
    yield Comparison(WEIGHTS, SOURCE, loaded)
    peaks = _rows(activations(), "activation_peak_gib", lambda c: run(c).stages[-1].activations / GIB)
    yield Comparison(
        ACTIVATIONS,
        f"{SOURCE} One constant, what two peaks of a forward pass leave unexplained, was read off two of these rows.",
        peaks,
    )
    outside = [c for c in complete() if c.row.get("non_torch_gib")]
    yield Comparison(
        NON_TORCH,
        f"{SOURCE} The figures of a release were read off these rows.",
        _rows(outside, "non_torch_gib", lambda c: _outside(c) / GIB),
    )
    captured = list(_graphs())
    yield Comparison(
        GRAPHS, "Logs of 0.18 and 0.19: a line fitted to all other models' rows, on the model left out.", captured
    )
    yield Comparison(CACHE, SOURCE, _rows(complete(), "kv_cache_gib", lambda c: run(c).stages[0].kv_cache / GIB))
    counted = [c for c in complete() if c.row.get("kv_cache_tokens")]
    tokens = _rows(counted, "kv_cache_tokens", _tokens)
    yield Comparison(TOKENS, SOURCE, tokens)
    yield from _more()
    whole = [one for one in more("weights_gib") if one.whole]
    together = f"{SOURCE} {MORE} All together."
    yield Comparison(ALL_WEIGHTS, together, _with(loaded, map(_loaded, whole)))
    yield Comparison(ALL_GRAPHS, together, _with(captured, map(_captured, more("cuda_graph_gib"))), ("vllm", "graphs"))
    yield Comparison(ALL_TOKENS, together, _with(tokens, map(_held, complete_more())))


def _with(rows: list[Row], others: Iterable[Row]) -> list[Row]:
    """The usual ones of `others` too, which count for the bound whether they were seen or not."""
    return [*rows, *(row._replace(seen=False) for row in others if not row.unusual)]


def _more() -> Iterator[Comparison]:
    """The rows that the mechanisms were then mended with, the figures of before beside them; the late ones after."""
    printed = more("kv_cache_gib", "kv_cache_tokens", "max_model_len")
    yield Comparison(
        MORE_WEIGHTS,
        f"{MORE} At first, of the usual rows: median 0.16 %, worst 5.1 %.",
        [_loaded(one) for one in more("weights_gib") if one.whole and one.seen],
    )
    yield Comparison(
        MORE_BLOCKS,
        f"{MORE} The layout alone: the bytes are printed with two decimals. At first: median 0.02 %, worst 108 % "
        "(0.20.0 was taken to count as 0.20.1 does; three rows had not said that their cache is in FP8).",
        [_blocks(one) for one in printed if one.seen],
    )
    yield Comparison(
        MORE_TOKENS,
        f"{MORE} Bytes, where the log has no tokens. At first: median 1.4 %, worst 16.6 %.",
        [_held(one) for one in complete_more() if one.seen],
    )
    yield Comparison(
        MORE_GRAPHS,
        f"{MORE} The line fitted to H100 and the default limits, by the number of captures.",
        [_captured(one) for one in more("cuda_graph_gib")],
    )
    yield Comparison(
        LATE_WEIGHTS,
        f"{LATE} gpt-oss-120b was 7.6 % off before the kernels of 0.25 were read.",
        [_loaded(one) for one in more("weights_gib") if not one.seen],
    )
    yield Comparison(LATE_BLOCKS, f"{LATE} The layout alone.", [_blocks(one) for one in printed if not one.seen])


def _loaded(one: More) -> Row:
    row = one.row
    unusual = row.get("weights_unusual", "")
    return Row(one.name, weights(one) / GIB, row["weights_gib"], unusual, seen=one.seen, source=row["source"])


def _captured(one: More) -> Row:
    return Row(one.name, graphs(one) / GIB, one.row["cuda_graph_gib"], seen=True, source=one.row["source"])


def _blocks(one: More) -> Row:
    low, ours, high = (laid_out(one, one.row["kv_cache_gib"] + half).tokens or 0 for half in (-0.005, 0, 0.005))
    rounding = max(high - ours, ours - low)
    truth = one.row["kv_cache_tokens"]
    return Row(one.name, ours, truth, one.row.get("kv_unusual", ""), rounding, seen=one.seen)


def _held(one: More) -> Row:
    row, start = one.row, started(one)
    unusual = row.get("kv_unusual") or row.get("weights_unusual") or ""
    if row.get("kv_cache_tokens"):
        ours, truth = start.capacity.tokens or 0, row["kv_cache_tokens"]
    else:
        ours, truth = start.stages[0].kv_cache / GIB, row["kv_cache_gib"]
    return Row(one.name, ours, truth, unusual, seen=one.seen, source=row["source"])


def _outside(c: Case) -> int:
    return run(c).stages[0].non_torch


def _weights() -> Iterator[Row]:
    for c in cases("weights_gib"):
        loaded = weights_per_rank(c.spec, c.planes, c.parallel)
        loaded += resident_bytes(c.spec, c.planes, c.parallel, 0, c.element_bytes)
        unusual = MIXTURE if c.row["model"] == UNKNOWN_MIXTURE else ""
        yield Row(_name(c), loaded / GIB, c.row["weights_gib"], unusual, source=c.row["source"])


def _graphs() -> Iterator[Row]:
    rows = graph_rows()
    for row in rows:
        line = fitted([other for other in rows if other.name != row.name])
        ours = sum(factor * feature for factor, feature in zip(line, row.features, strict=True))
        yield Row(row.name, ours, row.gib, source=row.source)


def _tokens(c: Case) -> float:
    tokens = run(c).capacity.tokens
    assert tokens is not None
    return tokens


def _rows(found: list[Case], key: str, ours: Callable[[Case], float]) -> list[Row]:
    return [Row(_name(c), ours(c), c.row[key], source=c.row["source"]) for c in found]


def _name(c: Case) -> str:
    row, parallel = c.row, c.parallel
    told = [c.name, f"({row['model']})" if row.get("quantization") else "", f"vLLM {row.get('vllm_version') or '?'}"]
    told.append(f"{row.get('gpu')}, tp {parallel.tensor} pp {parallel.pipeline}, {row.get('max_model_len')} tokens")
    return " ".join(word for word in told if word)
