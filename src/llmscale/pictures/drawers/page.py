"""Pictures as one .html file by plotly, which it carries: it works without a network."""

from __future__ import annotations

from html import escape
from typing import Any

from llmscale.pictures.drawers.interface import Ink, Paper, ink, library
from llmscale.pictures.picture import Bars, Chart, Picture, Series

#: As in `figure`, in plotly's words.
MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")
DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot", "solid")
FONTS = "system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"


def draw(picture: Picture, paper: Paper) -> bytes:
    """See `Drawer`.

    Raises:
        UsageError: plotly is not installed.
    """
    objects = library("plotly.graph_objects")
    colours = ink(paper)
    figure = objects.Figure()
    _bars(objects, figure, picture, colours) if isinstance(picture, Bars) else _chart(objects, figure, picture, colours)
    figure.update_layout(
        height=paper.height,
        paper_bgcolor=colours.ground,
        plot_bgcolor=colours.ground,
        font={"family": FONTS, "color": colours.text, "size": 14},
        margin={"l": 20, "r": 20, "t": 20, "b": 20},
        legend={"orientation": "h", "y": 1.08},
    )
    figure.update_xaxes(gridcolor=colours.faint, automargin=True)
    figure.update_yaxes(gridcolor=colours.faint, automargin=True)
    drawn = figure.to_html(include_plotlyjs=True, full_html=False, config={"responsive": True, "displaylogo": False})
    return _document(picture, paper, colours, drawn).encode()


def _document(picture: Picture, paper: Paper, colours: Ink, drawn: str) -> str:
    title = escape(picture.title)
    caption = "".join(f"<p>{escape(sentence)}</p>" for sentence in picture.caption)
    look = f"font:15px {FONTS};background:{colours.ground};color:{colours.text};max-width:{paper.width}px"
    style = f"body{{{look};margin:1em auto;padding:0 1em}}"
    return (
        f'<!doctype html><html lang="{paper.lang}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body><h1>{title}</h1>{drawn}{caption}</body></html>\n"
    )


def _axis(axis: Any) -> dict[str, Any]:
    from math import log10

    ends = [log10(axis.low), log10(axis.high)] if axis.log else [axis.low, axis.high]
    return {
        "type": "log" if axis.log else "linear",
        "range": ends,
        "title": axis.title,
        "tickvals": [tick.at for tick in axis.ticks],
        "ticktext": [f"{tick.label} · {tick.other}" if tick.other else tick.label for tick in axis.ticks],
    }


def _chart(objects: Any, figure: Any, picture: Chart, colours: Ink) -> None:
    for number, one in enumerate(picture.series):
        figure.add_trace(_trace(objects, one, number, colours))
    for limit in picture.limits:
        figure.add_hline(limit.at, line={"dash": "dot", "color": colours.text, "width": 1}, annotation_text=limit.label)
    figure.update_layout(xaxis=_axis(picture.x), yaxis=_axis(picture.y))


def _trace(objects: Any, one: Series, number: int, colours: Ink) -> Any:
    ranges = [(spot.high - spot.y, spot.y - spot.low) if spot.low and spot.high else (0, 0) for spot in one.spots]
    return objects.Scatter(
        x=[spot.x for spot in one.spots],
        y=[spot.y for spot in one.spots],
        name=one.name,
        text=[spot.label or one.name for spot in one.spots],
        hovertemplate="%{text}<br>%{x}, %{y:,.4~g}<extra></extra>",
        mode="lines+markers" if one.joined else "markers",
        opacity=0.4 if one.faint else 1.0,
        marker={"color": colours.series[number], "symbol": MARKERS[number]},
        line={"dash": DASHES[number]},
        error_y={"type": "data", "array": [up for up, _ in ranges], "arrayminus": [down for _, down in ranges]}
        if any(up for up, _ in ranges)
        else None,
    )


def _bars(objects: Any, figure: Any, picture: Bars, colours: Ink) -> None:
    last = len(picture.parts) - 1
    for number, part in enumerate(picture.parts):
        figure.add_trace(
            objects.Bar(
                x=[bar.values[number] for bar in picture.bars],
                y=[bar.name for bar in picture.bars],
                name=part,
                orientation="h",
                marker={"color": colours.series[number]},
                text=[bar.label for bar in picture.bars] if number == last else None,
                textposition="outside",
            )
        )
    figure.update_layout(
        barmode="stack", xaxis=_axis(picture.along), yaxis={"autorange": "reversed", "type": "category"}
    )
