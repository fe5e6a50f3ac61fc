"""``explain``: figures as the other commands give them, one screen, in both languages, lines that can be typed."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from llmscale.answers.explain import ACTIVATIONS, PARTS, REST, TOTAL, explain
from llmscale.cli.app import COMMANDS, app
from llmscale.cli.explain import complete_word
from llmscale.glossary.entries import find, words
from tests.cli.commands import asked_for
from tests.helpers import good, run


def distinct() -> list[str]:
    """A word for each set of figures: several share theirs."""
    return list({str(find(word).word.figures): word for word in words()}.values())


@pytest.mark.parametrize("word", distinct())
def test_every_figure_is_answered_on_one_screen(word: str) -> None:
    result = explain(word)
    rows = [row for figures in result.figures for row in figures.rows]
    assert rows
    assert all(any(isinstance(value, (int, float)) for value in row) for row in rows)
    assert all(tuple(map(len, figures.rows)) == tuple(map(len, figures.basis)) for figures in result.figures)
    shown = good("explain", word, "--width", "80").out.splitlines()
    assert len(shown) <= 24
    assert shown[0] == result.meaning["en"].title or len(result.meaning["en"].title) > 80


def table(word: str) -> list[dict[str, Any]]:
    """The rows of its first figures, by column."""
    figures = explain(word).figures[0]
    return [dict(zip(figures.columns, row, strict=True)) for row in figures.rows]


def test_the_figures_are_those_of_the_commands() -> None:
    (estimate,) = asked_for("estimate", "llama-3.1-8b", "-q", "q4_k_m", "-c", "32k")["estimates"]
    row = next(row for row in table("kv") if row["model"] == "llama-3.1-8b")
    assert row["kv_cache_bytes"] == estimate["kv_cache_bytes"]
    assert row["total_bytes"] == estimate["total_bytes"]
    loss = asked_for("quants", "show", "q4_k_m", "--model", "llama-3.1-8b")["quants"][0]
    row = next(row for row in table("q4_k_m") if row["quant"] == "q4_k_m")
    assert (row["weights_bytes"], row["percent"]) == (loss["weights_bytes"], loss["loss"]["percent"])
    assert row["bits_per_weight"] == pytest.approx(8 * loss["weights_bytes"] / 8_030_261_248)


def test_a_size_and_a_format_are_put_in() -> None:
    assert [row["weights_bytes"] for row in table("13B")] == [26 * 10**9, 13 * 10**9, 65 * 10**8]
    assert table("q5_k_s")[1]["quant"] == "q5_k_s"
    assert "13B" in good("explain", "13B").out.splitlines()[0]


def test_how_a_figure_is_known_is_said() -> None:
    columns = explain("exact").figures[0]
    bare = dict(zip(columns.columns, columns.basis[1], strict=True))
    own = dict(zip(columns.columns, columns.basis[0], strict=True))
    assert (own["weights_bytes"], own["total_bytes"], bare["weights_bytes"]) == ("exact", "modelled", "assumed")
    assert "~" in good("explain", "t/s").out


def test_it_can_be_asked_in_chinese() -> None:
    shown = good("explain", "kv", "cache", "--lang", "zh").out
    assert shown.startswith("键值缓存")
    assert not re.search(r"\b[a-z]+ [a-z]+ [a-z]{2,}\b", re.sub("(?m)^(参见|又称|试试| ).*", "", shown))


def test_all_words_are_listed_without_one() -> None:
    listed = good("explain", "-o", "json").json()["words"]
    assert list(listed) == words()
    assert good("explain").out.splitlines()[0].startswith(f"{len(words())} words")
    assert "个词" in good("explain", "--lang", "zh").out


@pytest.mark.parametrize(
    ("typed", "hint"), [("rtx4090", "devices show rtx4090"), ("llama-3.1-8b", "models show llama")]
)
def test_a_device_or_a_model_is_shown_elsewhere(typed: str, hint: str) -> None:
    answer = run("explain", typed)
    assert answer.status == 3
    assert hint in answer.err


def test_an_unknown_word_says_what_is_near() -> None:
    answer = run("explain", "kvcahe")
    assert (answer.status, answer.out) == (3, "")
    assert "Did you mean kv" in answer.err


@pytest.mark.parametrize("word", words())
def test_what_it_tells_to_type_can_be_typed(word: str) -> None:
    found = find(word)
    for line in found.word.ask:
        program, name, *rest = shlex.split(line.replace("$word", found.name))
        assert program == "llmscale"
        assert name in COMMANDS
        group = typer.main.get_command(app)
        with group.make_context("llmscale", ["--version-less"], resilient_parsing=True) as context:
            command = group.get_command(context, name)  # type: ignore[attr-defined]
            if rest and rest[0] in getattr(command, "commands", {}):
                command = command.get_command(context, rest.pop(0))
            command.make_context(name, rest)


def test_words_complete() -> None:
    assert "q4_k_m" in complete_word("q4")
    assert "KV缓存" in complete_word("kv")
    assert complete_word("nosuch") == []


@pytest.mark.parametrize("word", words())
def test_rows_that_show_parts_and_their_sum_add_up(word: str) -> None:
    """Every part and what is left of the total; of a step of training the most at once is no sum."""
    for figures in explain(word).figures:
        if TOTAL not in figures.columns or ACTIVATIONS in figures.columns:
            continue
        parts = [at for at, name in enumerate(figures.columns) if name in (*PARTS, REST)]
        for row in figures.rows:
            whole = row[figures.columns.index(TOTAL)]
            assert not parts or sum(row[at] or 0 for at in parts) == whole, (word, row)


def test_a_part_that_a_screen_leaves_out_is_its_rest() -> None:
    kv = explain("kv").figures[0]
    assert kv.columns[-2:] == (REST, TOTAL)
    assert "Other" in good("explain", "kv").out
    assert all(REST not in figures.columns for figures in explain("runtime").figures)


def test_objectives_and_ways_of_the_loss_are_asked_of_train() -> None:
    (full,) = explain("dpo").figures
    held = {row[0]: row for row in full.rows}
    weights = full.columns.index("weights_bytes")
    assert held["dpo"][weights] == 2 * held["sft"][weights]
    most = {row[0]: row[-1] for row in explain("liger").figures[0].rows}
    assert most["liger"] < most["chunked"] < most["logits"]
