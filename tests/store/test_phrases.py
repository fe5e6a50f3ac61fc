"""Sentences of another language by the English ones: alone, in a row, and many that nobody wrote."""

from __future__ import annotations

from llmscale.store.phrases import Phrases

SAY = Phrases(
    {
        "A full stop.": "句号。",
        "Two parts. One template.": "一个模板。",
        "Holds {} of {}.": "{1}中有{0}。",
        "has {} heads": "有{}个头",
        "model": "模型",
    }
)


def test_sentences_in_a_row_are_each_said() -> None:
    assert SAY("A full stop. Holds 2 of 3.") == "句号。3中有2。"


def test_as_many_together_as_stand_in_one_template() -> None:
    assert SAY("A full stop. Two parts. One template. A full stop.") == "句号。一个模板。句号。"


def test_what_is_named_is_looked_up_as_well() -> None:
    assert SAY("Holds 2 of model.") == "模型中有2。"


def test_a_sentence_that_is_not_known_stays_between_those_that_are() -> None:
    assert SAY("A full stop. Nobody wrote this. A full stop.") == "句号。Nobody wrote this. 句号。"


def test_lines_are_each_said() -> None:
    assert SAY("A full stop.\nqwen has 3 heads") == "句号。\nqwen 有3个头"


def test_a_long_list_of_sources_is_looked_through_but_once() -> None:
    """Each part within each other one took minutes from eight parts on: a source of one device had as many."""
    sources = "; ".join(f"memory: github.com/someone/list{at}.csv (64 GB: 48)" for at in range(40))
    assert SAY(sources) == sources
