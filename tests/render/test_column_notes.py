"""A note that explains a column stands where the column does, and nowhere else, at any width."""

from __future__ import annotations

import re

import pytest

from llmscale.render.report import Cell, Column, Report, table, word
from tests.helpers import good
from tests.render.writers.drawings import drawn

CASES = [
    "estimate llama-3.1-8b --gpu rtx4090",
    "estimate llama-3.1-8b -q awq --gpu rtx4090 --sequences 4",
    "estimate llama-3.1-8b -q q4_k_m --gpu rtx3060-12gb --ram 32GB",
    "needs llama-3.1-70b",
    "needs qwen3-30b-a3b --ram 32GB",
    "needs gpt2 --kind laptop",
    "fits rtx3060-12gb",
    "fits rtx3060-12gb --ram 64GB",
    "fits rtx3060-12gb qwen3-14b",
]
#: What a note calls a column by: its title without the unit.
NAMES = ("t/s", "95 in 100", "First token", "Price", "RAM", "Loss")


def heads(screen: str) -> str:
    """What stands above the rules of the tables, read down."""
    lines = screen.splitlines()
    above = [line for at, line in enumerate(lines) if any(rule[:3] == "───" for rule in lines[at + 1 : at + 4])]
    return " ".join(" ".join(above).split())


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
@pytest.mark.parametrize("case", CASES)
def test_what_is_explained_is_on_the_screen(case: str, width: int) -> None:
    screen = good(*case.split(), "--width", str(width)).out
    notes = screen.split("~ is not exact", 1)[1]
    for name in NAMES:
        explained = re.search(rf"(?:^|(?<=\. )|(?<=\.\n)){name}: ", notes, re.MULTILINE)
        shown = all(part in heads(screen).split() for part in name.split())
        assert not explained or shown, (name, heads(screen))
    assert "t/s: " in notes or "t/s" not in heads(screen).split() or case.startswith("fits")


def test_a_hidden_column_takes_its_note_with_it() -> None:
    columns = [
        Column("name", "Model", right=False),
        Column("size", "Size", note="Size: of all."),
        Column("more", "Something", spare=1, note="Something: else."),
        Column("raw", "", note="Never shown."),
    ]
    made = Report((table("", columns, [[word("a" * 30), word("1" * 12), word("2" * 30), Cell("x", "")]]),), ("Last.",))
    wide, narrow = drawn(made, 100), drawn(made, 60)
    assert "Size: of all. Something: else." in wide
    assert "Something: else." not in narrow
    assert "Too narrow to show: Something." in narrow
    assert "Size: of all." in narrow
    assert "Never shown" not in wide + narrow
    assert made.below == ("Size: of all.", "Something: else.", "Last.")


def test_short_notes_share_a_line_and_long_ones_do_not() -> None:
    columns = [Column(key, key, note=f"{key}: {'x' * 40}.") for key in ("one", "two", "three")]
    made = Report((table("", columns, [[word("1")] * 3]),))
    lines = [line for line in drawn(made, 100).splitlines() if "x" in line]
    assert [line.count(": ") for line in lines] == [2, 1]
