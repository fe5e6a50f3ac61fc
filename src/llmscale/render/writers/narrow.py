"""A table on a screen too narrow for it: what gives way, in this order.

Heads break between their words. Long prose stands under its row. Spare columns go, and are named below the table.
Things side by side are set below each other. Words break at blanks, and names at hyphens. Figures are never cut: what
is then still too wide runs over the edge.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from llmscale.records import NamedTuple
from llmscale.render.report import Cell, Column, Table
from llmscale.render.wrap import broken, pieces, tokens, wrapped
from llmscale.render.writers.grid import GAP

#: What a column of prose needs at least, and in how many lines a shorter one may stand.
PROSE, MOST_LINES = 24, 3
#: Before what stands under its row.
INDENT = 2
UNITS = {"GiB", "GB/s", "TFLOPS", "W", "USD", "tokens", "context"}


class Narrowed(NamedTuple):
    """A table of rows that are one line each.

    Attributes:
        under: for each row of `part` the lines that stand below it.
        hidden: the columns that had no place.
    """

    part: Table
    under: tuple[tuple[str, ...], ...]
    hidden: tuple[Column, ...]


def head(title: str) -> str:
    """A title with its unit below it, which makes room."""
    name, _, unit = title.rpartition(" ")
    return f"{name}\n{unit}" if name and unit in UNITS else title


def narrowed(part: Table, width: int) -> list[Narrowed]:
    """A table whose titles are said already, as one or more that fit.

    Args:
        width: columns of the screen.
    """
    needs = [_Need(column, [row[at].text for row in part.rows]) for at, column in enumerate(part.columns)]
    shown = part.shown()
    if _sum([needs[at].heading for at in shown]) <= width:
        return [Narrowed(part, ((),) * len(part.rows), ())]
    shown, below = _without_prose(shown, needs, width)
    shown, gone = _without_spare(shown, needs, width)
    hidden = tuple(part.columns[at] for at in sorted(gone))
    chunks = _chunks(shown, needs, width) if part.splits else [shown]
    return [_stacked(part, needs, chunk, below, width, hidden) for chunk in chunks]


class _Need:
    """The widths of a column: of all its letters, of what is readable, of what cannot be broken any further."""

    def __init__(self, column: Column, texts: Sequence[str]) -> None:
        self.column, self.texts = column, texts
        self.whole: int = max(map(cell_len, texts), default=0)
        self.readable = self.least = self.whole
        if column.wraps:
            words = [[token for token in tokens(text) if token.strip()] for text in texts]
            self.readable = max((_readable(found, text) for found, text in zip(words, texts, strict=True)), default=0)
            longest = max((cell_len(piece) for found in words for one in found for piece in pieces(one)), default=0)
            self.least = min(self.readable, max(longest, _share(self.whole)))
        word = max(map(cell_len, column.title.split(" ")))
        self.heading = max(self.whole, max(map(cell_len, head(column.title).split("\n"))))
        self.readable, self.least = max(word, self.readable), max(word, self.least)

    @property
    def prose(self) -> bool:
        """Whether it is worth lines of its own below a row."""
        return self.column.wraps and not self.column.spare and bool(self.column.title) and self.whole > PROSE


def _readable(words: Sequence[str], text: str) -> int:
    if len(words) < 2:  # a name
        return cell_len(text)
    return max([_share(cell_len(text)), *(cell_len(piece) for word in words for piece in pieces(word))])


def _share(whole: int) -> int:
    return min(-(-whole // MOST_LINES), PROSE)


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _without_prose(shown: Sequence[int], needs: Sequence[_Need], width: int) -> tuple[list[int], list[int]]:
    """The columns that stay beside each other, and those that go under their row: of the last as many as it takes."""
    stay, below = list(shown), list[int]()
    while _sum([needs[at].readable for at in stay]) > width:
        prose = [at for at in stay[1:] if needs[at].prose]
        if not prose:
            break
        below.insert(0, prose[-1])
        stay.remove(prose[-1])
    return stay, below


def _without_spare(shown: Sequence[int], needs: Sequence[_Need], width: int) -> tuple[list[int], list[int]]:
    """The columns that stay and those that go: the sparest first, of equals the last."""
    stay, gone = list(shown), list[int]()
    while _sum([needs[at].readable for at in stay]) > width:
        spare = [at for at in stay if needs[at].column.spare]
        if not spare:
            break
        first = max(spare, key=lambda at: (needs[at].column.spare, at))
        stay.remove(first)
        gone.append(first)
    return stay, gone


def _chunks(shown: Sequence[int], needs: Sequence[_Need], width: int) -> list[list[int]]:
    """Columns in as many tables as it takes, the first column in each."""
    first, *others = shown
    chunks = [[first]]
    for at in others:
        wider = [*chunks[-1], at]
        if len(wider) > 2 and _sum([needs[one].readable for one in wider]) > width:
            wider = [first, at]
            chunks.append(wider)
        chunks[-1] = wider
    return chunks


def _stacked(
    part: Table,
    needs: Sequence[_Need],
    stay: Sequence[int],
    below: Sequence[int],
    width: int,
    hidden: tuple[Column, ...],
) -> Narrowed:
    """The columns that stay, broken so that they fit, each row with what stands under it."""
    widths = _shrunk([needs[at] for at in stay], width)
    rows, under = list[tuple[Cell, ...]](), list[tuple[str, ...]]()
    for row in part.rows:
        lines = _lines([row[at] for at in stay], widths)
        told = tuple(
            " " * INDENT + line
            for at in below
            if row[at].text.strip("- ")
            for line in broken(f"{part.columns[at].title}: {row[at].text}", width - INDENT)
        )
        rows += lines
        under += [()] * (len(lines) - 1) + [told]
    columns = [
        part.columns[at]._replace(title=_broken_head(part.columns[at].title, columns))
        for at, columns in zip(stay, widths, strict=True)
    ]
    return Narrowed(part._replace(columns=tuple(columns), rows=tuple(rows)), tuple(under), hidden)


def _broken_head(title: str, width: int) -> str:
    """A head in lines of a column, its unit on one of its own."""
    name, _, unit = head(title).partition("\n")
    return "\n".join([*wrapped(name, width), *([unit] if unit else [])])


def _shrunk(needs: Sequence[_Need], width: int) -> list[int]:
    """How wide each column is: what is too much is taken from the one with most to give, names last."""
    widths = [need.heading for need in needs]
    for floors in ([need.readable for need in needs], [need.least for need in needs]):
        while _sum(widths) > width:
            at = max(range(len(widths)), key=lambda one: widths[one] - floors[one])
            if widths[at] <= floors[at]:
                break
            widths[at] -= 1
    return widths


def _lines(cells: Sequence[Cell], widths: Sequence[int]) -> list[tuple[Cell, ...]]:
    """A row as lines, each a row of cells."""
    texts = [
        [cell.text] if cell_len(cell.text) <= width else broken(cell.text, width) or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
    height = max(map(len, texts))
    return [
        tuple(
            cell._replace(text=lines[at] if at < len(lines) else "", value=cell.value if at == 0 else None)
            for cell, lines in zip(cells, texts, strict=True)
        )
        for at in range(height)
    ]
