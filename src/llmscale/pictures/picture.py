"""What a picture says, before it is drawn: a chart with two axes, or named bars. No drawer knows what is shown."""

from __future__ import annotations

from typing import Union

from llmscale.pictures.axes import Axis
from llmscale.records import NamedTuple


class Spot(NamedTuple):
    """One point of a series.

    Attributes:
        label: what is written beside it; of several that would overlap the first is.
        low, high: the range of y, where it is one.
    """

    x: float
    y: float
    label: str = ""
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points that belong together.

    Attributes:
        name: what the legend, or the end of the line, calls them.
        joined: whether a line leads through them.
        faint: whether they are the background of another series.
    """

    name: str
    spots: tuple[Spot, ...]
    joined: bool = False
    faint: bool = False


class Limit(NamedTuple):
    """A line across, such as the memory of a card."""

    at: float
    label: str


class Chart(NamedTuple):
    """Series over two axes; `limits` are lines at values of y."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()
    caption: tuple[str, ...] = ()


class Bar(NamedTuple):
    """One bar: its parts in the order of `Bars.parts`, and what is written at its end."""

    name: str
    values: tuple[float, ...]
    label: str


class Bars(NamedTuple):
    """Bars that lie, with the parts that they are made of; `limits` are values along them."""

    title: str
    along: Axis
    parts: tuple[str, ...]
    bars: tuple[Bar, ...]
    limits: tuple[Limit, ...] = ()
    caption: tuple[str, ...] = ()


Picture = Union[Chart, Bars]
