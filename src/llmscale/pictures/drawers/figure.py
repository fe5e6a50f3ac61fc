"""Pictures as .svg, .png and .pdf by matplotlib, without its global state.

SVG keeps text as text, so that it can be read aloud and searched, and is shown in whatever font the viewer has.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from logging import ERROR, getLogger
from typing import Any
from warnings import catch_warnings, simplefilter

from llmscale.errors import UsageError
from llmscale.pictures.drawers.interface import Ink, Paper, ink, library
from llmscale.pictures.drawers.terminal import wrapped
from llmscale.pictures.picture import Bars, Chart, Picture

#: Told apart by more than colour.
MARKERS, DASHES = ("o", "s", "^", "D", "v", "P", "X"), ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-")
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "++", "oo")
#: Fonts with Chinese, in the order of their likeness to the Latin one; the last ones are those of Windows and macOS.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Heiti SC",
    "Hiragino Sans GB",
)
LATIN, DPI = "DejaVu Sans", 96


def draw(picture: Picture, paper: Paper) -> bytes:
    """See `Drawer`.

    Raises:
        UsageError: matplotlib, or a font with Chinese, is not installed.
    """
    matplotlib = library("matplotlib")
    getLogger("matplotlib.font_manager").setLevel(ERROR)  # a Chinese font without a bold cut is no news
    figures = library("matplotlib.figure")
    colours, fonts = ink(paper), _fonts(picture, paper)
    size = max(7.0, min(paper.width / 90, 16.0))
    said = {"font.family": fonts, "font.size": size, "svg.fonttype": "none", "svg.hashsalt": "llmscale"}
    said |= {"text.color": colours.text, "axes.labelcolor": colours.text, "axes.edgecolor": colours.faint}
    said |= {"xtick.color": colours.text, "ytick.color": colours.text, "hatch.color": colours.ground}
    said |= {"hatch.linewidth": 0.6, "text.parse_math": False, "axes.unicode_minus": False, "pdf.fonttype": 42}
    with matplotlib.rc_context(said):
        figure = figures.Figure((paper.width / DPI, paper.height / DPI), dpi=DPI, layout="constrained")
        figure.patch.set_facecolor(colours.ground)
        _frame(figure, picture, paper, size, colours)
        axes = figure.add_subplot()
        axes.set_facecolor(colours.ground)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if isinstance(picture, Bars):
            _bars(axes, picture, colours)
        else:
            _chart(axes, picture, colours, _far_side(picture, paper, fonts))
        if _has_legend(picture):
            columns = 4 if paper.width >= 800 else 2
            place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "frameon": False}
            axes.legend(ncols=columns, labelcolor=colours.text, **place)
        if isinstance(picture, Chart):
            with catch_warnings():
                simplefilter("ignore")
                figure.canvas.draw()  # where everything is, is known from here on
            _labels(axes, picture, colours)
        return _content(figure, picture.title, paper.suffix)


def _content(figure: Any, title: str, suffix: str) -> bytes:
    """The file; the same picture is the same bytes, and an SVG names fonts that the viewer may have."""
    content = BytesIO()
    undated = {"svg": {"Date": None, "Title": title}, "pdf": {"CreationDate": None}}
    with catch_warnings():
        simplefilter("ignore")  # that the font at hand lacks a glyph, which the viewer's has
        figure.savefig(content, format=suffix, metadata=undated.get(suffix, {}))
    fonts = ", ".join(f"'{name}'" for name in (LATIN, *CHINESE))
    return content.getvalue().replace(f"'{LATIN}'".encode(), fonts.encode()) if suffix == "svg" else content.getvalue()


def _fonts(picture: Picture, paper: Paper) -> list[str]:
    """The fonts to write with; one with Chinese must be there only for a file that carries its own."""
    manager = library("matplotlib.font_manager").fontManager
    installed = {font.name for font in manager.ttflist}
    there = [name for name in CHINESE if name in installed]
    if not there and paper.suffix != "svg" and paper.lang == "zh":
        raise UsageError(
            f"No font with Chinese is installed, and a .{paper.suffix} carries its own.",
            "Install Noto Sans CJK (fonts-noto-cjk), write an .svg or .html, or take --lang en.",
        )
    return [LATIN, *there]


def _far_side(picture: Chart, paper: Paper, fonts: Sequence[str]) -> bool:
    """Whether the axis can be written in the other unit as well, which is Chinese in an English picture."""
    return any(tick.other for tick in picture.y.ticks) and (paper.suffix == "svg" or len(fonts) > 1)


def _has_legend(picture: Picture) -> bool:
    """Lines have their names at their ends."""
    return len(picture.parts) > 1 if isinstance(picture, Bars) else not all(one.joined for one in picture.series)


def _frame(figure: Any, picture: Picture, paper: Paper, size: float, colours: Ink) -> None:
    """The title above the picture, and below it, small, the caption; the layout leaves room for both."""
    columns = max(30, int(paper.width / (size * 0.8)))
    lines = [line for sentence in picture.caption for line in wrapped(sentence, columns)]
    height = len(lines) * size * 0.8 * 1.35 * DPI / 72 / paper.height
    above = size * 1.25 * 1.7 * DPI / 72 / paper.height
    figure.get_layout_engine().set(rect=(0.008, height + 0.01, 0.984, 0.985 - height - above))
    figure.text(0.012, 0.985, picture.title, size=size * 1.25, weight="bold", va="top")
    figure.text(
        0.012, 0.01, "\n".join(lines), size=size * 0.8, va="bottom", linespacing=1.2, color=colours.text, alpha=0.75
    )


def _chart(axes: Any, picture: Chart, colours: Ink, far_side: bool) -> None:
    for axis, name in ((picture.x, "x"), (picture.y, "y")):
        getattr(axes, f"set_{name}scale")("log" if axis.log else "linear")
        getattr(axes, f"set_{name}lim")(axis.low, axis.high)
        getattr(axes, f"set_{name}ticks")([tick.at for tick in axis.ticks], [tick.label for tick in axis.ticks])
        getattr(axes, f"set_{name}label")(axis.title)
    axes.minorticks_off()
    axes.grid(True, color=colours.faint, alpha=0.35, linewidth=0.6)
    for limit in picture.limits:
        axes.axhline(limit.at, color=colours.text, alpha=0.6, linewidth=0.9, linestyle=(0, (2, 3)))
    _series(axes, picture, colours)
    if far_side:
        far = axes.secondary_yaxis("right")
        far.set_yticks([tick.at for tick in picture.y.ticks], [tick.other for tick in picture.y.ticks])
        far.minorticks_off()


def _series(axes: Any, picture: Chart, colours: Ink) -> None:
    for number, one in enumerate(picture.series):
        colour, many = colours.series[number], len(one.spots) > 60
        xs, ys = [spot.x for spot in one.spots], [spot.y for spot in one.spots]
        ranged = [spot for spot in one.spots if spot.low is not None]
        axes.vlines(
            [spot.x for spot in ranged],
            [spot.low for spot in ranged],
            [spot.high for spot in ranged],
            colour,
            linewidth=2,
        )
        axes.plot(
            xs,
            ys,
            linestyle=DASHES[number] if one.joined else "none",
            marker=MARKERS[number],
            markersize=3.5 if many or one.faint else 5.5,
            color=colour,
            alpha=0.35 if one.faint else 0.75 if many else 1.0,
            label=one.name,
            clip_on=False,
            zorder=2 if one.faint else 3,
        )


def _labels(axes: Any, picture: Chart, colours: Ink) -> None:
    """What is written into the chart, as far as nothing written before is in its way."""
    taken: list[Any] = []
    if all(one.joined for one in picture.series):
        names = [
            (one.spots[-1].x, one.spots[-1].y, one.name, colours.series[at]) for at, one in enumerate(picture.series)
        ]
        for x, y, name, colour in sorted(names, key=lambda name: name[1]):
            _write(axes, taken, (x, y), name, colour, [(8, up) for up in (0, 7, -7, 14, -14, 21, -21)], bold=True)
        for limit in picture.limits:
            _write(axes, taken, (picture.x.low, limit.at), limit.label, colours.text, [(4, 3), (60, 3), (120, 3)])
    for number, one in reversed([*enumerate(picture.series)]):
        for spot in one.spots:
            if spot.label:
                sides = [(7, -3), (-7, -3), (7, 6), (-7, 6), (7, -12), (-7, -12)]
                _write(axes, taken, (spot.x, spot.y), spot.label, colours.series[number], sides)


def _write(
    axes: Any,
    taken: list[Any],
    at: tuple[float, float],
    text: str,
    colour: str,
    offsets: Sequence[tuple[int, int]],
    bold: bool = False,
) -> None:
    """A text beside a point, at the first of the offsets (in points of type) where there is room; else none."""
    for across, up in offsets:
        label = axes.annotate(
            text,
            at,
            xytext=(across, up),
            textcoords="offset points",
            ha="left" if across > 0 else "right",
            color=colour,
            size="small",
            weight="bold" if bold else "normal",
            annotation_clip=False,
            path_effects=[library("matplotlib.patheffects").withStroke(linewidth=2.5, foreground=axes.get_facecolor())],
            zorder=4,
        )
        box = label.get_window_extent().padded(2)
        inside = box.x0 >= 0 and (bold or box.x1 <= axes.bbox.x1) and box.y0 >= axes.bbox.y0 - 2
        if inside and not any(box.overlaps(other) for other in taken):
            label.set_in_layout(bold)
            taken.append(box)
            return
        label.remove()


def _bars(axes: Any, picture: Bars, colours: Ink) -> None:
    names = range(len(picture.bars))
    reached = [0.0] * len(picture.bars)
    for number, part in enumerate(picture.parts):
        values = [bar.values[number] for bar in picture.bars]
        hatch = HATCHES[number] if len(picture.parts) > 1 else ""
        axes.barh(names, values, left=reached, color=colours.series[number], hatch=hatch, label=part, height=0.7)
        reached = [sum(pair) for pair in zip(reached, values, strict=True)]
    for at, bar in enumerate(picture.bars):
        axes.annotate(
            bar.label, (reached[at], at), xytext=(4, 0), textcoords="offset points", va="center", size="small"
        )
    axes.set_yticks(names, [bar.name for bar in picture.bars])
    axes.invert_yaxis()
    axes.set_xlim(0, picture.along.high)
    axes.set_xticks([tick.at for tick in picture.along.ticks], [tick.label for tick in picture.along.ticks])
    axes.set_xlabel(picture.along.title)
    axes.grid(True, axis="x", color=colours.faint, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
