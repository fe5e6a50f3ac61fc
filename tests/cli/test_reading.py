"""Options that are plainly right are read without pydantic, to the same values; all others as Typer reads them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Optional

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from llmscale.cli.reading import read_plainly


class Colour(str, Enum):
    """What a choice is between."""

    red = "red"
    dark_blue = "dark-blue"


def declared(
    words: Annotated[Optional[list[str]], typer.Argument()] = None,
    text: Annotated[str, typer.Option()] = "some",
    absent: Annotated[Optional[str], typer.Option()] = None,
    number: Annotated[int, typer.Option()] = 1,
    width: Annotated[Optional[int], typer.Option(min=20, max=1000)] = None,
    share: Annotated[Optional[float], typer.Option()] = None,
    colour: Annotated[Colour, typer.Option()] = Colour.red,
    many: Annotated[Optional[list[str]], typer.Option()] = None,
    flag: Annotated[bool, typer.Option("--flag")] = False,
    either: Annotated[Optional[bool], typer.Option("--either/--neither")] = None,
) -> None:
    """A command with an option of each kind."""


def read(arguments: list[str], plainly: bool) -> Any:
    """What the command gets, or how it is refused."""
    app = typer.Typer()
    app.command()(declared)
    command = typer.main.get_command(app)
    if plainly:
        read_plainly(command, typer.Context(command))
    try:
        values = command.make_context("x", list(arguments)).params
    except Exception as error:
        return error.format_message() if hasattr(error, "format_message") else repr(error)
    return {name: (value, type(value)) for name, value in values.items()}


PLAIN = ["--text", "", "--number", "-12", "--width", "80", "--colour", "dark-blue", "--many", "a", "--many", "b", "w"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        PLAIN,
        ["--flag", "--either", "--share", "0.5", "one", "two"],
        ["--number", "012", "--neither"],
        *(["--number", text] for text in ("1.0", "1.5", "x", "", " 7", "1_000", "+3", "١", "9" * 30)),
        *(["--width", text] for text in ("19", "20", "1000", "1001", "-1")),
        *(["--colour", text] for text in ("RED", "dark_blue", "green", "")),
        *(["--share", text] for text in ("inf", "1e3", "half")),
    ],
)
def test_every_value_and_every_refusal_is_typers(arguments: list[str]) -> None:
    assert read(arguments, plainly=True) == read(arguments, plainly=False)


@given(st.sampled_from(["--number", "--width", "--text", "--colour", "--many"]), st.text(max_size=6))
def test_so_it_is_for_any_text(option: str, text: str) -> None:
    assert read([option, text], plainly=True) == read([option, text], plainly=False)
