"""Where a source can be changed, and into what: one comparison, sum, number, condition at a time, within functions."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

#: What stands for what; a product becomes a whole quotient, so that counts stay whole numbers. Besides, a whole number
#: becomes the next one, and another one twice itself: a unit of 1e9 and one more is no change that anybody could see.
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
OTHER_END = {"min": "max", "max": "min"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mutant(NamedTuple):
    """One change of one file.

    Attributes:
        file: relative to the package.
        within: the function, with its classes.
        line, first: where it is, and where its statement begins.
        start, end: the bytes of the file that `now` stands for.
        was, now: the expression before and after.
    """

    file: str
    within: str
    line: int
    first: int
    start: int
    end: int
    was: str
    now: str

    @property
    def key(self) -> str:
        """What tells it from all others of the same source."""
        return f"{self.file}:{self.line}:{self.start}: {self.was} -> {self.now}"

    def applied(self, source: bytes) -> bytes:
        """`source` with the change, its lines where they were."""
        lost = source[self.start : self.end].count(b"\n")
        return source[: self.start] + f"({self.now}{chr(10) * lost})".encode() + source[self.end :]


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Every change of `source`."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for within, first, node in _places(ast.parse(source), "", 0):
        for changed in _changes(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
            was, now = ast.unparse(node), ast.unparse(changed)
            found.append(Mutant(file, within, node.lineno, first, start, end, was, now))
    return found


def _places(node: ast.AST, within: str, first: int) -> Iterator[tuple[str, int, ast.expr]]:
    """Expressions in the bodies of functions; no documentation, annotation or part of a formatted text.

    `first` is the line that their statement begins at, 0 outside functions.
    """
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        name = f"{within}.{node.name}".lstrip(".")
        for child in node.body:
            yield from _places(child, name, child.lineno if isinstance(node, FUNCTIONS) else 0)
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if isinstance(node, ast.expr) and first:
        yield within, first, node
    for below in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.AnnAssign) and below is node.annotation):
            yield from _places(below, within, below.lineno if isinstance(below, ast.stmt) and first else first)


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    changed = copy.copy(node)  # only what is set below is another; deep copies took most of the time
    if isinstance(changed, ast.Compare) and len(changed.ops) == 1 and type(changed.ops[0]) in SWAPPED:
        changed.ops = [SWAPPED[type(changed.ops[0])]()]  # type: ignore[list-item]
    elif isinstance(changed, (ast.BinOp, ast.BoolOp)) and type(changed.op) in SWAPPED and not _is_text(changed):
        changed.op = SWAPPED[type(changed.op)]()  # type: ignore[assignment]
    elif isinstance(changed, ast.UnaryOp) and isinstance(changed.op, ast.Not):
        changed = changed.operand
    elif isinstance(changed, ast.Constant) and isinstance(changed.value, bool):
        changed.value = not changed.value
    elif isinstance(changed, ast.Constant) and isinstance(changed.value, (int, float)):
        changed.value = 2 * changed.value or 1.0 if isinstance(changed.value, float) else changed.value + 1
    elif isinstance(changed, ast.IfExp):
        changed.body, changed.orelse = changed.orelse, changed.body
    elif isinstance(changed, ast.Call) and isinstance(changed.func, ast.Name) and changed.func.id in OTHER_END:
        changed.func = ast.Name(OTHER_END[changed.func.id], ast.Load())
    else:
        return
    yield changed


def _is_text(node: ast.expr) -> bool:
    """Whether texts are joined, which no other operator does."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else ()
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in sides
    )
