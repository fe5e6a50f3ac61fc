"""The page on how llmscale is built, with a picture of the real imports: ``docs/architecture.md`` and ``.svg``.

Layers are those of the contract in ``pyproject.toml`` that ``make lint`` holds, arrows the imports that grimp finds,
the library behind import-linter, and each room is described by the first line of its own docstring.
"""

from __future__ import annotations

import ast
import re
from html import escape
from pathlib import Path
from typing import NamedTuple

import grimp
from importlinter.api import read_configuration

DOCS = Path(__file__).parent
ROOT, PACKAGE = DOCS.parent, "llmscale"
PAGE, PICTURE = DOCS / "architecture.md", DOCS / "architecture.svg"
#: Pixels: a box, what lies between two, and the edge of the picture.
WIDE, HIGH, GAP, BETWEEN, EDGE = 118, 34, 20, 30, 16

INTRODUCTION = """# How it is built

Made by `make docs` from the code itself: the layers are the contract that `make lint` holds, the arrows are the imports
that there are. An arrow only ever leads down, and no files import each other in a circle.

![Rooms of llmscale from the command line at the top to errors and records at the bottom, with lines for the imports
between them](architecture.svg)

A line is left out where others lead to the same room by way of a third; the table below has all of them.

## From a question to an answer

1. **Names become things.** `sources` turns what was typed (a tag, a hub name, a file, a size) into a `Loaded` model
   whose tensors are known, `formats` a quant into rules for each tensor, `devices` a card or several into a
   `DeviceSet`. Each has one road in, and nothing further down knows which one was taken.
2. **A model in a quant is a subject** (`fit`): exact where its tensors are at hand, a summary where the catalogue's
   compiled facts are enough, or a bare size, for which models of about that size answer.
3. **A runtime lays it out** (`runtimes`): it settles what it was asked for in its own words, then says what lies
   where, a `Placement`. Every line, sum, longest context and command is read off that one placement.
4. **What follows from it** is asked in `fit` (which quant, how long a context) and `speed` (how fast).
5. **`answers`** puts an answer together as plain data, **`render`** shows it: as a table, JSON, CSV, in either
   language. The Python API, the web page, the terminal interface, assistants and pictures read the same answers.

What ships is compiled before it is asked (`compile`): the YAML of `data/` into tables of which a command reads the
lines that it needs. How to add to each room: [adding.md](adding.md).

## Rooms
"""


class Room(NamedTuple):
    """A top-level package or module.

    Attributes:
        level: its layer, 0 for the uppermost.
        uses: rooms that it imports.
    """

    name: str
    level: int
    what: str
    uses: frozenset[str]


def rooms() -> list[Room]:
    """Every room in the order of the layers."""
    graph = grimp.build_graph(PACKAGE)
    found = []
    for level, names in enumerate(_layers()):
        for name in names:
            inside = {f"{PACKAGE}.{name}"} | graph.find_descendants(f"{PACKAGE}.{name}")
            met = {other for one in inside for other in graph.find_modules_directly_imported_by(one)}
            uses = {other.split(".")[1] for other in met if other.count(".")} - {name}
            found.append(Room(name, level, _told(name), frozenset(uses)))
    known = {room.name for room in found}
    return [room._replace(uses=room.uses & known) for room in found]


def _layers() -> list[list[str]]:
    contracts = read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip(" ()") for name in re.split(r"[|:]", layer)] for layer in layers]


def _told(name: str) -> str:
    """The first line of a room's docstring."""
    here = ROOT / "src" / PACKAGE / name
    file = here / "__init__.py" if here.is_dir() else here.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def page(found: list[Room]) -> str:
    """The page: a row a room."""
    rows = ["| Room | What it is | Imports |", "| --- | --- | --- |"]
    order = [room.name for room in found]
    for room in found:
        uses = ", ".join(f"`{name}`" for name in sorted(room.uses, key=order.index)) or "-"
        rows.append(f"| `{room.name}` | {room.what.replace('|', '/')} | {uses} |")
    return "\n".join([INTRODUCTION, *rows, ""])


def picture(found: list[Room]) -> str:
    """The picture as SVG: a row a layer, a line from one room to another further down that it imports."""
    places, reached = _places(found), _reached(found)
    width = max(x for x, _ in places.values()) + WIDE + EDGE
    height = max(y for _, y in places.values()) + HIGH + EDGE
    lines = [
        _line(places[room.name], places[used])
        for room in found
        for used in sorted(room.uses)
        if not any(used in reached[other] for other in room.uses)
    ]
    boxes = [_box(room.name, *places[room.name]) for room in found]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            ' font-family="sans-serif" font-size="14">',
            "<title>Rooms of llmscale and their imports</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


def _reached(found: list[Room]) -> dict[str, set[str]]:
    """What each room leads to, by whichever way."""
    reached: dict[str, set[str]] = {}
    for room in sorted(found, key=lambda one: one.level, reverse=True):
        reached[room.name] = set(room.uses).union(*(reached.get(used, set()) for used in room.uses))
    return reached


def _places(found: list[Room]) -> dict[str, tuple[int, int]]:
    """Left and upper edge of each box, each layer in the middle."""
    levels = sorted({room.level for room in found})
    rows = [[room.name for room in found if room.level == level] for level in levels]
    most = max(map(len, rows))
    places = {}
    for number, names in enumerate(rows):
        left = EDGE + (most - len(names)) * (WIDE + GAP) // 2
        for place, name in enumerate(names):
            places[name] = (left + place * (WIDE + GAP), EDGE + number * (HIGH + BETWEEN))
    return places


def _line(above: tuple[int, int], below: tuple[int, int]) -> str:
    """From one box down to another; around the boxes between them where these stand in one column."""
    x1, y1, x2, y2 = above[0] + WIDE // 2, above[1] + HIGH, below[0] + WIDE // 2, below[1]
    if y2 < y1:  # beside each other
        return f'<path d="M{x1} {y1} q{(x2 - x1) // 2} {BETWEEN} {x2 - x1} 0" {_STROKE}/>'
    past = y2 - y1 > 2 * BETWEEN + HIGH // 2 and abs(x1 - x2) < WIDE // 2
    # A curve lies at three quarters of where it is drawn to.
    bent = (-1 if y2 // (HIGH + BETWEEN) % 2 else 1) * (WIDE // 2 + GAP) * 4 // 3 if past else 0
    return f'<path d="M{x1} {y1} C{x1 + bent} {y1 + BETWEEN} {x2 + bent} {y2 - BETWEEN} {x2} {y2}" {_STROKE}/>'


_STROKE = 'fill="none" stroke="#0072b2" stroke-width="1.5" stroke-opacity="0.7"'


def _box(name: str, x: int, y: int) -> str:
    shape = f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="5" fill="#f2f6fa" stroke="#33475b"/>'
    middle = f'x="{x + WIDE // 2}" y="{y + HIGH // 2 + 5}" text-anchor="middle" fill="#102030"'
    return f"{shape}<text {middle}>{escape(name)}</text>"


def files() -> dict[Path, str]:
    """The page and the picture."""
    found = rooms()
    return {PAGE: page(found), PICTURE: picture(found)}
