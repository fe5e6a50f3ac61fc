"""What draws a picture into a file, and how it is to look."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from llmscale.errors import UsageError
from llmscale.pictures.picture import Picture
from llmscale.records import NamedTuple


class Paper(NamedTuple):
    """How a picture in a file is to look: its size in pixels, on what ground, in which language and format."""

    width: int = 960
    height: int = 600
    dark: bool = False
    lang: str = "en"
    suffix: str = "svg"


class Drawer(Protocol):
    """One way to draw; a module that has this is one."""

    def draw(self, picture: Picture, paper: Paper) -> bytes:
        """The file's content."""
        ...


class Ink(NamedTuple):
    """Colours of a ground: `series` in their order, all of them told apart by the colour-blind."""

    ground: str
    text: str
    faint: str
    series: tuple[str, ...]


# Okabe and Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/: those that stand out on each ground.
LIGHT = Ink(
    "#ffffff", "#1a1a1a", "#b8b8b8", ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
)
DARK = Ink(
    "#14171a", "#e8e8e8", "#5a5f66", ("#56b4e9", "#e69f00", "#2bc499", "#cc79a7", "#f0e442", "#d55e00", "#bbbbbb")
)


def ink(paper: Paper) -> Ink:
    """The colours of a paper."""
    return DARK if paper.dark else LIGHT


def library(name: str) -> Any:
    """A library of the extra ``plot``.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            f"{name.partition('.')[0]} is not installed, and draws pictures in files.",
            "pip install 'llmscale[plot]'; without --to the picture is drawn in the terminal.",
        ) from None
