"""Reports drawn as tables: numbers whole, words folded, nothing lost in a poor encoding."""

from __future__ import annotations

import os
import re
from importlib.metadata import version

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, whole, word
from llmscale.render.views.cells import gib
from llmscale.render.writers import table as table_module
from tests.render.writers.drawings import COLUMNS, REPORT, Terminal, drawn


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def test_a_table_has_its_title_its_columns_its_cells_and_its_notes() -> None:
    text = drawn(REPORT)
    for piece in ("A title", "Model", "Weights", "GiB", "a name of several words", "12.55", "1,048,576.00", "A note"):
        assert piece in text
    assert "\x1b" not in text


def test_words_fold_on_a_narrow_screen_and_numbers_do_not() -> None:
    text = drawn(REPORT, 30)
    assert all(len(line) <= 30 for line in text.splitlines())
    assert "1,048,576.00" in text
    assert "several" in text.replace("\n", "")
    for letters in ("a name", "words"):
        assert letters in text


def test_a_number_takes_the_room_it_needs_even_where_words_have_none() -> None:
    report = Report((table("", COLUMNS, [[word("some words"), Cell(1, "123,456,789,012")]]),))
    assert "123,456,789,012" in drawn(report, 20)


def test_quiet_leaves_legend_and_notes_out() -> None:
    rows = [[word("x"), gib(1 << 30, Basis.MODELLED.value)]]
    report = Report((table("", COLUMNS, rows),), ("A note.",))
    assert report.inexact
    assert "~ is not exact" in drawn(report)
    assert "A note." in drawn(report)
    assert "~ is not exact" not in drawn(report, quiet=True)
    assert "A note." not in drawn(report, quiet=True)
    assert "~1.00" in drawn(report, quiet=True)
    assert not REPORT.inexact
    assert "not exact" not in drawn(REPORT)


def test_two_tables_stand_apart() -> None:
    text = drawn(Report((*REPORT.tables, *REPORT.tables)))
    assert text.count("A title") == 2
    assert "\n\n" in text.replace(" \n", "\n")


@pytest.mark.usefixtures("colours")
def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report((table("T", COLUMNS, [[word("x", "bold"), Cell(1, "1", "green")]]),))
    assert "\x1b[" in drawn(report, stream=Terminal())
    assert "\x1b[32m" not in drawn(report, colour=False, stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in drawn(report, stream=Terminal())


@pytest.mark.usefixtures("colours")
def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Report((table("", COLUMNS, [[word("word " * 60), whole(1)]]),))
    monkeypatch.setenv("COLUMNS", "50")
    lines = re.sub(r"\x1b\[[\d;]*m", "", drawn(long, None, stream=Terminal())).splitlines()
    assert len(lines) > 5
    assert all(len(line) <= 50 for line in lines)


def test_a_pipe_is_as_wide_as_the_terminal_that_it_was_typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Report((table("", COLUMNS, [[word("word " * 60), whole(1)]]),))
    assert any(len(line) > 100 for line in drawn(long, None).splitlines())
    monkeypatch.setenv("COLUMNS", "50")
    assert all(len(line) <= 50 for line in drawn(long, None).splitlines())
    for nothing in ("", "0", "wide", "-5"):
        monkeypatch.setenv("COLUMNS", nothing)
        assert any(len(line) > 100 for line in drawn(long, None).splitlines())
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(os, "get_terminal_size", lambda of: os.terminal_size((60, 24)))
    assert all(len(line) <= 60 for line in drawn(long, None).splitlines())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "gbk"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_poor_encoding_loses_letters_and_not_the_table(encoding: str, lang: str) -> None:
    rows = [[word("├─ 豆包 ~ → é"), gib(1 << 30, Basis.MODELLED.value)]]
    report = Report((table("└─ 标题", COLUMNS, rows),), ("注意 … ×",))
    text = drawn(report, lang=lang, stream=Terminal(encoding, tty=False))
    assert "~1.00" in text
    assert "|- " in text
    assert "GiB" in text


#: With what is wide, what combines, what blanks stand at an end, and what is no letter.
TEXTS = st.text("ab1,~ 亿é\u0301├─\t\u200b\U0001f600", max_size=12)
CELLS = st.builds(Cell, st.sampled_from([None, 1, "x"]), TEXTS, st.sampled_from(["", "bold", "green", "dim red"]))


@st.composite
def tables(draw: st.DrawFn) -> Report:
    heads = draw(
        st.lists(
            st.tuples(st.sampled_from(["", "Model", "Total GiB", "t/s", "亿 W"]), st.booleans(), st.booleans()),
            min_size=1,
            max_size=4,
        )
    )
    columns = [Column(f"c{at}", title, right, wraps) for at, (title, right, wraps) in enumerate(heads)]
    rows = draw(st.lists(st.lists(CELLS, min_size=len(columns), max_size=len(columns)), max_size=4))
    return Report((table("", columns, rows),))


@pytest.mark.skipif(
    int(version("rich").partition(".")[0]) < 15, reason="older ones draw a blank more at the right edge"
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(report=tables(), width=st.integers(20, 60), colour=st.booleans())
def test_a_table_is_what_rich_would_draw(
    report: Report, width: int, colour: bool, colours: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = drawn(report, width, stream=Terminal(tty=colour))
    with monkeypatch.context() as patch:
        patch.setattr(table_module, "_grid", lambda *_: None)
        assert ours == drawn(report, width, stream=Terminal(tty=colour))


def test_a_table_of_many_rows_is_drawn_without_rich_measuring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(table_module, "_rich")
    many = table("", COLUMNS, [[word(f"model {number}"), gib(number << 30)] for number in range(1, 300)])
    lines = drawn(Report((many,)), 80).splitlines()
    assert len(lines) == 2 + 1 + 299
    assert len({line.rindex(".") for line in lines[3:]}) == 1
