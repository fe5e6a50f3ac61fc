"""A table too narrow for its screen: what gives way, in which order, and that no figure is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.wrap import broken, hanging, pieces, wrapped
from llmscale.render.writers.narrow import narrowed
from tests.render.writers.drawings import Terminal, drawn

NAME, FIGURE = Column("name", "Model", right=False, wraps=True), Column("size", "Weights GiB")
PROSE = "A reason of so many words that no column beside others has a place for it, and which is read in lines."


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_names_break_at_hyphens_alone_and_never_between_digits() -> None:
    assert pieces("deepseek-r1-distill-qwen-14b") == ["deepseek-", "r1-", "distill-", "qwen-", "14b"]
    assert pieces("2026-01-08") == ["2026-01-08"]
    assert pieces("qwen3.5-122b-a10b") == ["qwen3.5-122b-", "a10b"]
    assert pieces("org/Qwen3--7B") == ["org/", "Qwen3--", "7B"]
    assert pieces("x") == ["x"]
    assert pieces("visual.proj.0.weight") == ["visual.", "proj.", "0.", "weight"]
    assert broken("devstral-small-2-24b", 16) == ["devstral-small-", "2-24b"]
    assert broken("devstral-small-2-24b", 20) == ["devstral-small-2-24b"]


@pytest.mark.parametrize(
    ("text", "width", "said"),
    [
        ("up to 125,952 tokens, ~98 tokens/s.", 15, ["up to", "125,952 tokens,", "~98 tokens/s."]),
        ("23.49 of 23.99 GiB usable", 16, ["23.49 of", "23.99 GiB usable"]),
        ("as 2x rtx3090 or more", 12, ["as", "2x rtx3090", "or more"]),
        ("2x RTX", 2, ["2x", "RTX"]),
        ("8 by GiBs", 4, ["8 by", "GiBs"]),
        ("上下文最长 12,288 词元。", 12, ["上下文最长", "12,288 词元。"]),
        ("量化为 IQ4_XS。", 13, ["量化为", "IQ4_XS。"]),
    ],
)
def test_a_figure_stays_with_its_unit(text: str, width: int, said: list[str]) -> None:
    assert wrapped(text, width) == said


def test_an_indented_sentence_stays_indented() -> None:
    assert hanging("  one two three", 9) == ["  one two", "  three"]
    assert hanging("", 9) == [""]


def test_a_head_breaks_before_a_column_goes() -> None:
    columns = [NAME, Column("a", "Most of all", spare=1), Column("b", "Batch")]
    report = Report((table("", columns, [[word("a-name"), Cell(1, "1"), Cell(2, "22,222")]]),))
    text = drawn(report, 20)
    assert [line.split() for line in lines(text)[:3]] == [["Most"], ["of"], ["Model", "all", "Batch"]]
    assert "Too narrow" not in text


def test_the_sparest_column_goes_first_and_is_named() -> None:
    columns = [NAME, Column("a", "First", spare=1), Column("b", "Second", spare=2), Column("c", "Third", spare=1)]
    report = Report((table("", columns, [[word("a-long-name"), *(Cell(1, "1.00") for _ in "abc")]]),))
    assert "Too narrow to show: Second." in drawn(report, 28)
    assert "Too narrow to show: Second, Third." in " ".join(lines(drawn(report, 24))[-2:])
    assert "Too narrow" not in drawn(report, 60)


def test_names_are_whole_as_long_as_another_column_can_go() -> None:
    columns = [NAME, Column("a", "Params", spare=1), FIGURE]
    report = Report((table("", columns, [[word("devstral-small-2-24b"), Cell(1, "24.01 B"), Cell(2, "13.00")]]),))
    assert "devstral-small-2-24b " in drawn(report, 30)
    narrow = lines(drawn(report, 24))
    assert narrow[3].startswith("devstral-small-")
    assert narrow[3].endswith("13.00")
    assert narrow[4] == "2-24b"


def test_long_prose_stands_under_its_row() -> None:
    columns = [NAME, FIGURE, Column("why", "Why", right=False, wraps=True)]
    rows = [[word("one"), Cell(1, "1.00"), word(PROSE)], [word("two"), Cell(2, "2.00"), word(None)]]
    for stream in (Terminal(tty=False), Terminal("ascii", tty=False)):
        text = lines(drawn(Report((table("", columns, rows),)), 30, stream=stream))
        assert max(map(len, text)) <= 30
        assert [line.split()[0] for line in text if line[:1].isalpha()] == ["Weights"] * 0 + ["Model", "one", "two"]
        at = next(number for number, line in enumerate(text) if line.startswith("one"))
        assert text[at + 1].startswith("  Why: A reason")
        assert text[-1].startswith("two")
        assert " ".join(line.strip() for line in text[at + 1 : -1]) == f"Why: {PROSE}"


def test_prose_stands_under_a_row_that_runs_over_the_edge_too() -> None:
    columns = [Column("a", "A"), Column("b", "B"), Column("why", "Why", right=False, wraps=True)]
    rows = [[Cell(1, "1" * 20), Cell(1, "2" * 20), word(PROSE)]]
    text = lines(drawn(Report((table("", columns, rows),)), 30))
    assert text[2] == "1" * 20 + "  " + "2" * 20
    assert text[3].startswith("  Why: ")


def test_things_side_by_side_are_set_below_each_other() -> None:
    columns = [Column("fact", "", right=False), *(Column(f"m{at}", f"Model {at}", wraps=True) for at in range(4))]
    rows = [[word("Parameters"), *(Cell(at, f"{at}00.00 B") for at in range(4))]]
    text = drawn(Report((table("", columns, rows)._replace(splits=True),)), 30)
    assert text.count("Parameters") == 2
    assert [found for at in range(4) for found in re.findall(f"Model {at}", text)] == [f"Model {at}" for at in range(4)]
    assert all(f"{at}00.00 B" in text for at in range(4))


def test_a_table_without_heads_breaks_at_slashes() -> None:
    columns = [Column("fact", "", right=False), Column("value", "", right=False, wraps=True)]
    text = drawn(Report((table("", columns, [[word("source"), word("https://example.org/a-name/blob")]]),)), 30)
    assert lines(text) == ["source  https://example.org/a-", "        name/blob"]


def test_what_is_typed_is_one_line_below_what_it_is_for() -> None:
    typed = ("Does it fit?  llmscale estimate llama-3.1-8b --gpu rtx4060", "llmscale fits rtx4060 --all --sort speed")
    report = Report((), ("A note.",), ("An answer.",), typed=typed)
    assert lines(drawn(report, 30)) == [
        "An answer.",
        "A note.",
        "Does it fit?",
        "  llmscale estimate llama-3.1-8b --gpu rtx4060",
        "llmscale fits rtx4060 --all --sort speed",
    ]
    assert lines(drawn(report, 100))[2:] == list(typed)
    assert lines(drawn(report, 100, quiet=True)) == ["An answer."]


FIGURES = st.sampled_from(["1,048,576.00", "~12.55", "-", "0", "8.03 B", "2026-01", "~131,072"])
NAMES = st.sampled_from(
    ["qwen3-30b-a3b", "deepseek-r1-distill-qwen-14b", "2x rtx3060-12gb", "a few words of it", PROSE]
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(NAMES, FIGURES, FIGURES, NAMES), min_size=1, max_size=4),
    width=st.integers(64, 120),
    spare=st.booleans(),
)
def test_no_figure_is_cut_and_nothing_is_lost(rows: list[tuple[str, str, str, str]], width: int, spare: bool) -> None:
    columns = (
        Column("name", "Model", right=False, wraps=True),
        Column("size", "Weights GiB"),
        Column("more", "Something else", spare=1 if spare else 0),
        Column("why", "Why", right=False, wraps=True),
    )
    made = table("", columns, [[word(text) for text in row] for row in rows])
    (narrow,) = narrowed(made, width)
    keys = [column.key for column in narrow.part.columns]
    told = [cell.text for row in narrow.part.rows for cell in row]
    for name, size, more, why in rows:
        assert size in told
        assert more in told or [column.title for column in narrow.hidden] == ["Something else"]
        letters = "".join(told + [line for under in narrow.under for line in under]).replace(" ", "")
        for text in (name, why):
            assert all(piece.replace(" ", "") in letters for word_ in text.split() for piece in pieces(word_))
    assert "name" in keys
    assert len(narrow.under) == len(narrow.part.rows)
    drawn_ = drawn(Report((made,)), width)
    assert max(map(cell_len, drawn_.splitlines())) <= width
