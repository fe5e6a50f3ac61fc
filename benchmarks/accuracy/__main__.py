"""``python -m benchmarks.accuracy``: compare, print the table, write `docs/accuracy.md`; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy import weights
from benchmarks.accuracy.rows import Comparison, Row, summary

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"
#: Rows named below each table.
WORST = 10


def comparisons() -> Iterator[Comparison]:
    """Everything that there is a measurement of."""
    yield from weights.comparisons()


def page(found: list[Comparison]) -> str:
    """The whole of `docs/accuracy.md`."""
    lines = [
        "# Accuracy",
        "",
        "Every figure of llmscale held against measurements of the real thing, made by `make accuracy` from the rows",
        "in [tests/truth](../tests/truth/README.md). Errors are shares of the measured value.",
        "",
        "| quantity | rows | exact | median | 90 % within | 95 % within | worst | which |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, found),
    ]
    for comparison in found:
        lines += ["", f"## {comparison.what}", "", comparison.source, *_worst(comparison), *_unusual(comparison)]
    return "\n".join(lines) + "\n"


def _line(comparison: Comparison) -> str:
    s = summary(comparison.usual())
    shares = (s.median, s.p90, s.p95, s.worst)
    cells = [comparison.what, s.rows, s.exact, *map(percent, shares), s.which if s.worst else ""]
    return "| " + " | ".join(map(str, cells)) + " |"


def percent(share: float) -> str:
    """0 is exact; a small error must not look like it."""
    if share == 0:
        return "0"
    return f"{100 * share:.2f} %" if share >= 5e-5 else "< 0.01 %"


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
    return f"- {row.name}: {row.ours:,.0f} against {row.truth:,.0f}, {100 * row.error:+.2f} %{why}"


def main() -> int:
    """Print the head of the page; write it, or say that it is stale."""
    text = page(list(comparisons()))
    print(text.split("\n## ")[0])
    if "--check" in sys.argv:
        fresh = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not fresh:
            print("docs/accuracy.md is stale: run make accuracy", file=sys.stderr)
        return 0 if fresh else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
