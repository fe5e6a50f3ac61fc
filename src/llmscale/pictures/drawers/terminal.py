"""Pictures of characters, for a terminal or a file of text; nothing besides Rich is needed.

What is told apart by colour is told apart without it as well: by its sign, or by its name at the end of its line.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.style import Style as Paint
from rich.text import Text

from llmscale.pictures.drawers.canvas import Canvas
from llmscale.pictures.picture import Bars, Chart, Picture, Series, Spot
from llmscale.records import NamedTuple


class Signs(NamedTuple):
    """The characters that are drawn with; `ascii` where the output knows no others."""

    dots: str
    fills: str
    rule: str
    range: str
    side: str
    foot: str
    corner: str
    faint: str


UNICODE = Signs("●○▲△■◆□", "█▓▒░▚▞▤", "┄", "│", "│", "─", "└", "·")
ASCII = Signs("o.x+*#@", "#=+-.%o", "-", "|", "|", "-", "+", ".")
#: Terminals have these whatever their ground; the colour-blind tell series apart by their signs.
COLOURS = ("bright_blue", "yellow", "green", "magenta", "cyan", "red", "white")
HEIGHT, LEAST_WIDTH = 20, 40


def draw(picture: Picture, width: int, *, signs: Signs = UNICODE) -> Text:
    """The picture, no line of it wider than `width`."""
    width = max(width, LEAST_WIDTH)
    drawn = Text(no_wrap=True)
    drawn.append(f"{_cut(picture.title, width)}\n", Paint(bold=True))
    lines = _bars(picture, width, signs) if isinstance(picture, Bars) else _chart(picture, width, signs)
    for line in lines:
        line.rstrip()
        drawn.append(line).append("\n")
    for sentence in picture.caption:
        for told in wrapped(sentence, width):
            drawn.append(f"{told}\n", Paint(dim=True))
    return drawn


def _bars(picture: Bars, width: int, signs: Signs) -> list[Text]:
    """A line for each bar, and below them what is marked how where a bar has several parts."""
    names = min(max(cell_len(bar.name) for bar in picture.bars), width // 2)
    labels = max(cell_len(bar.label) for bar in picture.bars)
    room = width - names - labels - 3
    lines = []
    for bar in picture.bars:
        line = Text(f"{_padded(bar.name, names)} ")
        reached = drawn = 0.0
        for number, value in enumerate(bar.values):
            reached += value
            end = round(picture.along.share(max(reached, picture.along.low)) * room)
            line.append(signs.fills[number] * int(end - drawn), Paint(color=COLOURS[number]))
            drawn = max(end, drawn)
        line.append(f" {bar.label}")
        lines.append(line)
    lines.append(Text(_padded("", names + 1) + _ticked(picture, room)))
    lines.append(Text(_padded("", names + 1) + picture.along.title))
    if len(picture.parts) > 1:
        lines += _legend([*picture.parts], signs.fills, width)
    return lines


def _ticked(picture: Bars, room: int) -> str:
    row = Canvas(room + 8, 1)
    for tick in picture.along.ticks:
        at = round(picture.along.share(tick.at) * room) - cell_len(tick.label) // 2
        row.write(max(0, at), 0, tick.label, "", gap=1)
    return row.line(0).plain


def _chart(picture: Chart, width: int, signs: Signs) -> list[Text]:
    """Axis at the left, the canvas, the axis below; then which sign is what."""
    left = max(cell_len(tick.label) for tick in picture.y.ticks)
    right = max((cell_len(tick.other) for tick in picture.y.ticks), default=0)
    names = [one.name for one in picture.series] + [limit.label for limit in picture.limits]
    ends = max(cell_len(name) + 2 for name in names) if _named_at_ends(picture) else 0
    canvas = Canvas(width - left - 2 - (right + 1 if right else 0), HEIGHT)
    _plot(picture, canvas, max(canvas.width - ends, 10), signs)
    ticks = {round((1 - picture.y.share(tick.at)) * (HEIGHT - 1)): tick for tick in reversed(picture.y.ticks)}
    lines = [Text(picture.y.title)]
    for row in range(HEIGHT):
        tick = ticks.get(row)
        line = Text(f"{_padded(tick.label if tick else '', left, right=True)} {signs.side}")
        line.append(canvas.line(row))
        if tick and tick.other:
            line.append(f"{' ' * (left + 2 + canvas.width - line.cell_len)} {tick.other}")
        lines.append(line)
    foot = Canvas(canvas.width, 1)
    for tick in picture.x.ticks:
        column = round(picture.x.share(tick.at) * (max(canvas.width - ends, 10) - 1)) - cell_len(tick.label) // 2
        foot.write(max(0, min(column, foot.width - cell_len(tick.label))), 0, tick.label, "", gap=1)
    lines += [
        Text(f"{' ' * left} {signs.corner}{signs.foot * canvas.width}"),
        Text(" " * (left + 2) + foot.line(0).plain),
    ]
    if picture.x.title:
        lines.append(Text(" " * (left + 2) + picture.x.title))
    if not _named_at_ends(picture):
        marks = "".join(_sign(one, number, signs) for number, one in enumerate(picture.series))
        lines += _legend([one.name for one in picture.series], marks, width)
    return lines


def _sign(one: Series, number: int, signs: Signs) -> str:
    return signs.faint if one.faint else signs.dots[number]


def _named_at_ends(picture: Chart) -> bool:
    """Whether all are lines, which have their names at their ends; else a legend has them."""
    return all(one.joined for one in picture.series)


def _plot(picture: Chart, canvas: Canvas, width: int, signs: Signs) -> None:
    """Limits first, then ranges and points, then what is written; what comes later lies over what came before."""

    def column(spot: Spot) -> int:
        return round(picture.x.share(spot.x) * (width - 1))

    def row(value: float) -> int:
        return round((1 - picture.y.share(value)) * (HEIGHT - 1))

    for limit in picture.limits:
        for at in range(width):
            canvas.put(at, row(limit.at), signs.rule, "bright_black")
    for number, one in enumerate(picture.series):
        for spot in one.spots:
            if spot.low is not None and spot.high is not None:
                for at in range(row(spot.high), row(spot.low) + 1):
                    canvas.put(column(spot), at, signs.range, COLOURS[number])
        if one.joined:
            spots = [(column(spot), row(spot.y)) for spot in one.spots]
            canvas.join(spots, signs.dots[number], COLOURS[number])
        for spot in one.spots:
            canvas.put(column(spot), row(spot.y), _sign(one, number, signs), COLOURS[number])
    if _named_at_ends(picture):
        for number, one in enumerate(picture.series):
            last = one.spots[-1]
            canvas.write_near(column(last) + 2, row(last.y), one.name, COLOURS[number])
        for limit in picture.limits:
            canvas.write_near(width + 1, row(limit.at), limit.label, "bright_black")
    for number, one in reversed([*enumerate(picture.series)]):
        for spot in one.spots:
            if spot.label:
                canvas.write_beside(column(spot), row(spot.y), spot.label, COLOURS[number])


def _legend(names: Sequence[str], signs: str, width: int) -> list[Text]:
    """Which sign is what, in as many lines as it takes."""
    lines = [Text()]
    for number, name in enumerate(names):
        entry = Text(signs[number], Paint(color=COLOURS[number])).append(f" {name}  ", Paint())
        if lines[-1].cell_len and lines[-1].cell_len + entry.cell_len > width:
            lines.append(Text())
        lines[-1].append(entry)
    return lines


def wrapped(sentence: str, width: int) -> list[str]:
    """Lines of a sentence, broken between words; Chinese, and what is too long for a line, anywhere."""
    lines, line = [], ""
    for word in sentence.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cell_len(word) > width:
            lines.append(set_cell_size(word, width).rstrip())
            word = word[len(lines[-1]) :]
        line = word
    return [*lines, line]


def _padded(text: str, width: int, right: bool = False) -> str:
    text = _cut(text, width)
    spaces = " " * (width - cell_len(text))
    return spaces + text if right else text + spaces


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width)
