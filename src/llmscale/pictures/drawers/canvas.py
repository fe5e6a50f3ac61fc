"""A grid of characters with colours; wide ones, as Chinese has, take two cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.style import Style as Paint
from rich.text import Text


class Canvas:
    """`width` by `height` cells, all empty at first; what lies outside is not drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[" "] * width for _ in range(height)]
        self._colours = [[""] * width for _ in range(height)]
        self._written: set[tuple[int, int]] = set()

    def put(self, column: int, row: int, sign: str, colour: str) -> None:
        """One character."""
        if 0 <= column < self.width and 0 <= row < self.height:
            self._cells[row][column], self._colours[row][column] = sign, colour

    def join(self, points: Sequence[tuple[int, int]], sign: str, colour: str) -> None:
        """A line through points: a sign in each column, and in each row where it is steep."""
        for (x0, y0), (x1, y1) in pairwise(points):
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for step in range(steps):
                across, down = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
                self.put(round(across), round(down), sign, colour)

    def write(self, column: int, row: int, text: str, colour: str, gap: int = 0) -> bool:
        """A text, unless another one or the edge is in its way; whether it was written."""
        cells = [(column + at, row) for at in range(-gap, cell_len(text) + gap)]
        inside = column >= 0 and column + cell_len(text) <= self.width and 0 <= row < self.height
        if not inside or self._written.intersection(cells):
            return False
        at = column
        for character in text:
            self.put(at, row, character, colour)
            for covered in range(1, cell_len(character)):
                self.put(at + covered, row, "", colour)
            at += cell_len(character)
        self._written.update(cells[gap : len(cells) - gap])
        return True

    def write_near(self, column: int, row: int, text: str, colour: str) -> bool:
        """A text at its row, or at the nearest where there is room."""
        rows = sorted(range(self.height), key=lambda other: abs(other - row))
        return any(self.write(column, other, text, colour) for other in rows[:7])

    def write_beside(self, column: int, row: int, text: str, colour: str) -> bool:
        """A text to the right of a point, or to its left, or above."""
        length = cell_len(text)
        places = ((column + 2, row), (column - length - 1, row), (column - length // 2, row - 1))
        return any(self.write(*place, text, colour, gap=1) for place in places)

    def line(self, row: int) -> Text:
        """One row."""
        drawn = Text(no_wrap=True)
        for sign, colour in zip(self._cells[row], self._colours[row], strict=True):
            drawn.append(sign, Paint(color=colour) if colour else Paint())
        return drawn
