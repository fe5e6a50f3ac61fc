"""What the figures should keep to, and whether they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.accuracy import llama_cpp, speed, transformers, vllm
from benchmarks.accuracy.rows import Comparison, Row, summary, within


class Aim(NamedTuple):
    """Of the rows of some quantities together.

    Attributes:
        worst: None where only `most` is asked.
        most: a share of rows, and what these keep to.
    """

    what: str
    quantities: Sequence[str]
    median: float
    worst: float | None
    most: tuple[float, float] | None = None


class Outcome(NamedTuple):
    """What became of an aim; `met` is None where there is nothing measured."""

    aim: Aim
    asked: str
    found: str
    met: bool | None


AIMS = (
    Aim("llama.cpp KV and recurrent state", (llama_cpp.CACHE, llama_cpp.STATE, llama_cpp.PLACED_CACHE), 0, 0),
    Aim("llama.cpp device compute buffer", (llama_cpp.DEVICE,), 0.005, 0.10, (0.97, 0.05)),
    Aim("llama.cpp total of a CUDA process", (llama_cpp.TOTAL,), 0.01, 0.05),
    Aim("vLLM weights per rank", (vllm.WEIGHTS, vllm.MORE_WEIGHTS, vllm.LATE_WEIGHTS), 0.005, 0.02),
    Aim("vLLM KV tokens", (vllm.TOKENS, vllm.MORE_TOKENS), 0.03, 0.10),
    Aim("transformers peak, prefill and decode", (transformers.PEAK, transformers.DECODE), 0.03, 0.10),
)
#: Decode tokens/s of one stream on known devices; only its quantiles are recorded, so it is judged by them.
DECODE = Aim("decode tokens/s, known devices", (), 0.15, None, (0.90, 0.35))


def outcomes(found: Sequence[Comparison], fitted: Mapping[str, speed.Fitted]) -> list[Outcome]:
    """Each aim with what was found."""
    by_name = {comparison.what: comparison for comparison in found}
    judged = [outcome(aim, [row for what in aim.quantities for row in by_name[what].usual()]) for aim in AIMS]
    decode = fitted[speed.DECODE]
    assert DECODE.most is not None
    met = decode.median <= DECODE.median and decode.p90 <= DECODE.most[1]
    said = f"median {share(decode.median)}, 90 % of {decode.rows:,} rows within {share(decode.p90)}"
    return [*judged, Outcome(DECODE, _asked(DECODE), said, met)]


def outcome(aim: Aim, rows: Sequence[Row]) -> Outcome:
    """An aim held against `rows`."""
    if not rows:
        return Outcome(aim, _asked(aim), "no rows", None)
    s = summary(rows)
    met = s.median <= aim.median and (aim.worst is None or s.worst <= aim.worst)
    said = f"median {share(s.median)}, worst {share(s.worst)} of {s.rows:,} {'row' if s.rows == 1 else 'rows'}"
    if aim.most:
        part, edge = aim.most
        held = within(rows, edge)
        met = met and held >= part
        said += f", {share(held)} within {share(edge)}"
    if all(row.seen for row in rows):
        said += ", none of them left out"
    return Outcome(aim, _asked(aim), said, met)


def _asked(aim: Aim) -> str:
    told = [f"median {_most(aim.median)}"]
    if aim.worst is not None:
        told.append(f"worst {_most(aim.worst)}")
    if aim.most:
        told.append(f"{share(aim.most[0])} of rows within {share(aim.most[1])}")
    return ", ".join(told)


def _most(value: float) -> str:
    return f"≤ {share(value)}" if value else "0"


def share(value: float) -> str:
    """In per cent; 0 is exact, and a small error must not look like it."""
    if value == 0:
        return "0"
    return f"{100 * value:.3g} %" if value >= 5e-5 else "< 0.01 %"
