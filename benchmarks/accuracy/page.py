"""`docs/accuracy.md`, and the table that README takes from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.accuracy import asked, asked_llama_cpp, llama_cpp, served, speed, transformers, vllm
from benchmarks.accuracy.aims import Outcome, share
from benchmarks.accuracy.bounds import bound
from benchmarks.accuracy.rows import Comparison, Row, left_out_by, summary

#: Rows named below each table.
WORST = 10
#: Where README's table begins and ends.
BEGIN, END = "<!-- accuracy -->", "<!-- /accuracy -->"
#: What README shows, in its order.
HEADLINE = (
    "GGUF tensors by llama-quantize",
    "Published GGUF files",
    "Published safetensors and others",
    llama_cpp.CACHE,
    llama_cpp.STATE,
    llama_cpp.DEVICE,
    llama_cpp.HOST,
    llama_cpp.TOTAL,
    asked_llama_cpp.COMPUTE,
    vllm.ALL_WEIGHTS,
    served.WEIGHTS,
    vllm.ACTIVATIONS,
    served.ACTIVATIONS,
    vllm.ALL_TOKENS,
    served.TOKENS,
    transformers.ACTIVE,
    asked.ASKED,
    asked.RELEASED,
)
NOUNS = {True: "met", False: "**missed**", None: "nothing measured"}


def page(found: Sequence[Comparison], aims: Sequence[Outcome], fitted: Mapping[str, speed.Fitted]) -> str:
    """The whole of `docs/accuracy.md`."""
    lines = [
        "# Accuracy",
        "",
        "Every figure of llmscale held against measurements of the real thing, made by `make accuracy` from the rows",
        "in [tests/truth](../tests/truth/README.md). Errors are shares of the measured value. Rows of which something",
        "is known, most of it found after their error was seen, are listed below and counted in the last column alone.",
        "",
        "| quantity | rows | exact | median | 90 % within | 95 % within | worst | which | 95 % with unusual ones |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, found),
        "",
        "![Errors by quantity: median (dot), 95 % of rows (line), worst (ring)](accuracy.svg)",
        "",
        "## Aims",
        "",
        "| quantity | aim | found | |",
        "| --- | --- | --- | --- |",
        *(f"| {one.aim.what} | {one.asked} | {one.found} | {NOUNS[one.met]} |" for one in aims),
        *_bounds(found),
        *_speed(fitted),
    ]
    for comparison in found:
        lines += ["", f"## {comparison.what}", "", comparison.source, *_worst(comparison), *_unusual(comparison)]
    return "\n".join(lines) + "\n"


def headline(found: Sequence[Comparison], fitted: Mapping[str, speed.Fitted]) -> str:
    """README's table."""
    by_name = {comparison.what: comparison for comparison in found}
    lines = [
        "| against measurements | rows | exact | median error | 95 % within | worst |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for what in HEADLINE:
        s = summary(by_name[what].usual())
        cells = (what, f"{s.rows:,}", f"{s.exact:,}", *map(share, (s.median, s.p95, s.worst)))
        lines.append("| " + " | ".join(cells) + " |")
    decode = fitted[speed.DECODE]
    lines.append(f"| {speed.DECODE} | {decode.rows:,} | | {share(decode.median)} | 90 %: {share(decode.p90)} | |")
    return "\n".join(lines)


def put(readme: str, table: str) -> str:
    """README with the table between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _line(comparison: Comparison) -> str:
    if not comparison.usual():
        every = f"{len(comparison.rows):,}: {share(summary(comparison.rows).p95)}"
        return f"| {comparison.what} | 0 | | | | | | all rows are unusual, see below | {every} |"
    s = summary(comparison.usual())
    shares = (s.median, s.p90, s.p95, s.worst)
    more = len(comparison.rows) - s.rows
    every = f"{len(comparison.rows):,}: {share(summary(comparison.rows).p95)}" if more else ""
    cells = [comparison.what, s.rows, s.exact, *map(share, shares), s.which if s.worst else "", every]
    return "| " + " | ".join(map(str, cells)) + " |"


def _bounds(found: Sequence[Comparison]) -> list[str]:
    """What JSON and `--explain` print, and whether it holds."""
    lines = [
        "",
        "## Bounds",
        "",
        "What JSON and `--explain` give as the bound of a part (`data/bounds.yaml`): the error that 95 of 100 rows",
        "keep to. Rows of vLLM, SGLang, llama.cpp and transformers are asked through the public API, with the options",
        "that users have; what no option says counts as error. Coverage is the share of rows that the bound of all",
        "other sources' rows holds, of all other models' where most rows are of one source; a bound that held less",
        "than 95 % that way was widened. The last column counts rows left out for what is known of them.",
        "",
        "| part | quantity | rows | left out by | bound | coverage | widened by | besides, unusual |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for comparison in found:
        rows = comparison.bounding()
        if comparison.bounds is None:
            continue
        part = " ".join(comparison.bounds)
        edge = bound(rows)
        cells = (
            (share(edge.within), share(edge.coverage), f"{edge.widened:g}")
            if edge
            else ("too few rows for one", "", "")
        )
        groups = left_out_by(rows)
        kind = "model" if groups == [row.model for row in rows] else "source"
        cells = (f"{len(set(groups))} {kind}s", *cells)
        cells = (*cells, str(len(comparison.rows) - len(comparison.usual())))
        lines.append(f"| {part} | {comparison.what} | {len(rows)} | " + " | ".join(cells) + " |")
    return lines


def _speed(fitted: Mapping[str, speed.Fitted]) -> list[str]:
    return [
        "",
        "## Speed",
        "",
        "As `benchmarks/fit_speed.py` records it in `data/speed.yaml`: each row told by a fit that did not see it.",
        "",
        "| quantity | rows | median | 90 % within |",
        "| --- | --- | --- | --- |",
        *(f"| {what} | {one.rows:,} | {share(one.median)} | {share(one.p90)} |" for what, one in fitted.items()),
        "",
        "| printed range of | holds |",
        "| --- | --- |",
        *(f"| {one.what} | {share(one.share)} of rows |" for one in speed.coverages()),
    ]


def _worst(comparison: Comparison) -> list[str]:
    off = sorted((row for row in comparison.usual() if row.error), key=lambda row: -abs(row.error))[:WORST]
    if not off:
        return []
    return ["", "Furthest off:", "", *map(_item, off)]


def _unusual(comparison: Comparison) -> list[str]:
    rows = [row for row in comparison.rows if row.unusual]
    if not rows:
        return []
    rows.sort(key=lambda row: (row.unusual, row.name))
    return ["", f"{len(rows)} rows are not counted above, because of what is known about them:", "", *map(_item, rows)]


def _item(row: Row) -> str:
    why = f" ({row.unusual})" if row.unusual else ""
    return f"- {row.name}: {_number(row.ours)} against {_number(row.truth)}, {100 * row.error:+.2f} %{why}"


def _number(value: float) -> str:
    """Bytes and tokens whole, GiB as logs print them."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
