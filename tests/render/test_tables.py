"""Reports drawn as tables, markdown and CSV: numbers whole, words folded, nothing lost in a poor encoding."""

from __future__ import annotations

import csv
import io
import re
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscale.answers.results.common import ModelRef, to_json
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, whole, word
from llmscale.render.views.cells import answer, counted, gib
from llmscale.render.words import ZH, words
from llmscale.render.writers import table as table_module
from llmscale.render.writers.table import console, write_table
from llmscale.render.writers.text import as_csv, as_json, as_markdown, as_yaml
from tests.helpers import numbers

COLUMNS = [Column("name", "Model", right=False, wraps=True), Column("size", "Weights GiB")]
REPORT = Report(
    (table("A title", COLUMNS, [[word("a name of several words"), gib(13_476_831_232)], [word(None), gib(1 << 50)]]),),
    ("A note | with a bar.",),
)


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8", tty: bool = True) -> None:
        self.bytes = io.BytesIO()
        self.tty = tty
        super().__init__(self.bytes, encoding=encoding, newline="")

    def isatty(self) -> bool:
        return self.tty

    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


def drawn(
    report: Report,
    width: int | None = 80,
    *,
    lang: str = "en",
    no_color: bool = False,
    quiet: bool = False,
    stream: Terminal | None = None,
) -> str:
    out = stream or Terminal(tty=False)
    write_table(report, words(lang), console(width, no_color, out), quiet)
    return out.text()


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
    assert "\x1b[32m" not in drawn(report, no_color=True, stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in drawn(report, stream=Terminal())


@pytest.mark.usefixtures("colours")
def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Report((table("", COLUMNS, [[word("word " * 60), whole(1)]]),))
    monkeypatch.setenv("COLUMNS", "50")
    lines = re.sub(r"\x1b\[[\d;]*m", "", drawn(long, None, stream=Terminal())).splitlines()
    assert len(lines) > 5
    assert all(len(line) <= 50 for line in lines)
    piped = drawn(long, None).splitlines()
    assert any(len(line) > 100 for line in piped)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "gbk"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_poor_encoding_loses_letters_and_not_the_table(encoding: str, lang: str) -> None:
    rows = [[word("├─ 豆包 ~ → é"), gib(1 << 30, Basis.MODELLED.value)]]
    report = Report((table("└─ 标题", COLUMNS, rows),), ("注意 … ×",))
    text = drawn(report, lang=lang, stream=Terminal(encoding, tty=False))
    assert "~1.00" in text
    assert "|- " in text
    assert "GiB" in text


def test_markdown_is_a_table_that_github_draws() -> None:
    lines = as_markdown(REPORT, words("en")).splitlines()
    assert lines[:2] == ["**A title**", ""]
    assert lines[2] == "| Model | Weights GiB |"
    assert lines[3] == "| :--- | ---: |"
    assert lines[4] == "| a name of several words | 12.55 |"
    assert lines[5] == "| - | 1,048,576.00 |"
    assert lines[-1] == "- A note \\| with a bar."
    assert "模型" in as_markdown(REPORT, words("zh"))


def test_csv_has_raw_values_and_one_header_while_columns_stay() -> None:
    other = table(
        "",
        [Column("fits", "Fits")],
        [[answer(True, True, words("en"))], [answer(False, False, words("en"))], [Cell(0, "0")], [Cell(None, "-")]],
    )
    rows = list(csv.reader(io.StringIO(as_csv(Report((*REPORT.tables, *REPORT.tables, other))))))
    assert rows == [
        ["name", "size"],
        ["a name of several words", "13476831232"],
        ["", str(1 << 50)],
        ["a name of several words", "13476831232"],
        ["", str(1 << 50)],
        [],
        ["fits"],
        ["true"],
        ["false"],
        ["0"],
        [""],
    ]


@pytest.mark.parametrize("text", ['a "quoted", word', "two\nlines", "ünï,cödé"])
def test_csv_survives_any_text(text: str) -> None:
    report = Report((table("", COLUMNS[:1], [[word(text)]]),))
    assert list(csv.reader(io.StringIO(as_csv(report))))[1] == [text]


@pytest.mark.parametrize("value", ["yes", "1.10", "null", "- x", "通义", "a: b", "", "0x1F", "2020-01"])
def test_yaml_is_the_same_object_as_json(value: str) -> None:
    ref = ModelRef(value, value, value, "exact")
    assert yaml.safe_load(as_yaml(ref)) == yaml.safe_load(as_json(ref)) == to_json(ref)


def test_json_puts_schema_and_command_first_and_knows_enums() -> None:
    from llmscale import params

    keys = list(to_json(params("gpt2")))
    assert keys[:2] == ["schema", "command"]
    nested: dict[str, Any] = {"a": (Basis.EXACT, [1, None])}
    assert to_json(nested) == {"a": ["exact", [1, None]]}


# -- cells and words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basis", "text"), [("exact", "12.55"), ("modelled", "~12.55"), ("assumed", "~12.55"), ("reported", "~12.55")]
)
def test_only_an_exact_size_goes_without_its_mark(basis: str, text: str) -> None:
    assert gib(13_476_831_232, basis).text == text
    assert gib(13_476_831_232, basis).value == 13_476_831_232


def test_a_range_stands_behind_its_value() -> None:
    assert numbers(gib(2 << 30, "assumed", (1 << 30, 3 << 30)).text) == [2, 1, 3]
    assert gib(2 << 30, "assumed", (1 << 30, 3 << 30)).text.startswith("~2.00 (")


def test_counts_in_cells() -> None:
    assert counted(6_738_415_616, "en").text == "6.74 B"
    assert counted(6_738_415_616, "zh", "reported").text == "~67.38 亿"
    assert counted(None, "en", "reported").text == "-"
    assert whole(None).text == "-"
    assert whole(1234).text == "1,234"


@pytest.mark.parametrize(
    ("fits", "may", "value", "text"),
    [(True, True, True, "yes"), (False, True, False, "~maybe"), (False, False, False, "no")],
)
def test_answers_in_cells(fits: bool, may: bool, value: bool, text: str) -> None:
    cell = answer(fits, may, words("en"))
    assert (cell.value, cell.text) == (value, text)
    assert len({answer(*pair, words("en")).style for pair in [(True, True), (False, True), (False, False)]}) == 3


def test_every_chinese_word_is_chinese_and_an_unknown_one_stays() -> None:
    say = words("zh")
    assert say("Model") == "模型"
    assert say("Nobody translated this") == "Nobody translated this"
    assert words("en")("Model") == "Model"
    assert all(any(ord(letter) > 0x3000 for letter in text) for text in ZH.values())


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
