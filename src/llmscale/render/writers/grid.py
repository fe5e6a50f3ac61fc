"""Tables that fit the screen, drawn straight into Rich's segments.

Rich's own table measures and wraps every cell as if it were a page, which takes most of the time of an answer of
hundreds of rows. Where no cell has to be wrapped all that is left to do is to pad, and the outcome is the same to the
byte (Rich 15); `llmscale.render.writers.table` leaves all else to Rich.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from llmscale.records import NamedTuple

#: Blanks between columns: the padding and Rich's own divider.
GAP = 2
RULE = "─"


class Line(NamedTuple):
    """A heading of one or two lines, and whether what is below it ends at the right."""

    head: str
    right: bool


def grid(
    columns: Sequence[Line],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Sequence[str]],
    screen: Console,
    over: bool = False,
) -> Segments | None:
    """A table of plain texts; None where Rich must draw it: it is too wide, or a text is more than one line of letters.

    Args:
        rows, styles: the texts, and Rich's name of the style of each, row by row.
        over: whether it may run over the edge.
    """
    texts = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    heads = [column.head.split("\n") for column in columns]
    if not all(map(str.isprintable, (text for cells in (*texts, *heads) for text in cells))):
        return None
    widths = [max(map(cell_len, (*head, *cells))) for head, cells in zip(heads, texts, strict=True)]
    total = sum(widths) + GAP * (len(columns) - 1)
    if (total > screen.width and not over) or not all(widths):
        return None
    padded = [
        [_padded(text, width, column.right) for text in cells]
        for column, width, cells in zip(columns, widths, texts, strict=True)
    ]
    return Segments(
        [
            *_head(columns, heads, widths, screen),
            Segment((RULE if (screen.encoding or "").lower().startswith("utf") else "-") * total),
            Segment.line(),
            *_body(padded, styles, screen),
        ]
    )


def _padded(text: str, width: int, right: bool) -> str:
    if right:
        text = text.rstrip()
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def _head(
    columns: Sequence[Line], heads: Sequence[Sequence[str]], widths: Sequence[int], screen: Console
) -> list[Segment]:
    """All heads end on the lowest line."""
    style = screen.get_style("table.header")
    height = max(map(len, heads))
    drawn = []
    for number in range(height):
        for at, (column, head, width) in enumerate(zip(columns, heads, widths, strict=True)):
            blank = " " if at < len(columns) - 1 else ""
            above = height - len(head)
            if number < above:
                drawn.append(Segment(" " * width + blank, style))
            else:
                drawn += [Segment(_padded(head[number - above], width, column.right), style), Segment(blank, style)]
            drawn.append(Segment(blank))
        drawn.append(Segment.line())
    return drawn


def _body(columns: Sequence[Sequence[str]], styles: Sequence[Sequence[str]], screen: Console) -> list[Segment]:
    gap = " " * GAP
    if screen.color_system is None:
        return [Segment("".join(f"{gap.join(row)}\n" for row in zip(*columns, strict=True)))]
    named: dict[str, Style | None] = {"": None}
    drawn = []
    for row, names in zip(zip(*columns, strict=True), styles, strict=True):
        for text, name in zip(row, names, strict=True):
            if name not in named:
                named[name] = screen.get_style(name)
            drawn += [Segment(text, named[name]), Segment(gap)]
        drawn[-1] = Segment.line()
    return drawn
