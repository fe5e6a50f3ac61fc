"""`docs/accuracy.svg`: the errors of each quantity on a logarithmic axis, written by hand so that nothing is needed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

from benchmarks.accuracy.rows import Comparison, summary

#: Left and right end of the axis; what is smaller stands at the left end, as exact rows do.
LEAST, MOST = 1e-5, 1.0
TICKS = {1e-5: "0", 1e-4: "0.01 %", 1e-3: "0.1 %", 1e-2: "1 %", 1e-1: "10 %", 1.0: "100 %"}
LABELS, AXIS, LINE, TOP = 380, 420, 20, 34
STYLE = (
    "text{font:12px sans-serif;fill:#555}.grid{stroke:#8884}.span{stroke:#3b7dd8;stroke-width:3}"
    ".mid{fill:#3b7dd8}.end{fill:none;stroke:#d8743b;stroke-width:1.5}"
)


def svg(found: Sequence[Comparison]) -> str:
    """The picture: a line from the median to the 95th percentile, a dot at the median, a ring at the worst row."""
    shown = [comparison for comparison in found if comparison.usual()]
    height = TOP + LINE * len(shown) + 12
    width = LABELS + AXIS + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Errors by quantity: median (dot), 95 % of rows (line), worst (ring)</title>",
        f"<style>{STYLE}</style>",
    ]
    for value, label in TICKS.items():
        x = place(value)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 8}"/>')
        lines.append(f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{label}</text>')
    for number, comparison in enumerate(shown):
        s = summary(comparison.usual())
        y = TOP + LINE * number + LINE // 2
        median, most, worst = (place(error) for error in (s.median, s.p95, s.worst))
        label = escape(f"{comparison.what} ({s.rows:,})")
        lines += [
            f'<text x="{LABELS - 12}" y="{y + 4}" text-anchor="end">{label}</text>',
            f'<line class="span" x1="{median:.1f}" x2="{most:.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="mid" cx="{median:.1f}" cy="{y}" r="4"/>',
            f'<circle class="end" cx="{worst:.1f}" cy="{y}" r="5"/>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def place(error: float) -> float:
    """Where an error stands on the axis."""
    clipped = min(max(error, LEAST), MOST)
    return LABELS + AXIS * (log10(clipped) - log10(LEAST)) / (log10(MOST) - log10(LEAST))
