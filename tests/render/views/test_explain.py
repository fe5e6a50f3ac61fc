"""What ``explain`` prints: parts that add up to their total, to the last digit that is printed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmscale.answers.explain import explain, explained_words
from llmscale.render.views.adding_up import STEP, adding_up
from llmscale.render.views.explain import SUMS, TRAINING, explain_view
from llmscale.render.words import words


def figure(text: str) -> Decimal:
    return Decimal(text.removeprefix("~").replace(",", ""))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_rows_of_every_word_add_up_as_printed(language: str) -> None:
    checked: set[str] = set()
    for word in explained_words().words:
        result = explain(word)
        report = explain_view(result, words(language))
        for figures, shown in zip(result.figures, report.tables, strict=True):
            for total, parts in SUMS:
                at = [figures.columns.index(part) for part in parts if part in figures.columns]
                if total not in figures.columns or TRAINING in figures.columns or not at:
                    continue
                for row, held in zip(shown.rows, figures.rows, strict=True):
                    if sum(held[one] or 0 for one in at) != held[figures.columns.index(total)]:
                        continue  # what one part of it is, and no sum
                    printed = [figure(row[one].text) for one in at if row[one].text != "-"]
                    assert sum(printed) == figure(row[figures.columns.index(total)].text), (word, row)
                    checked.add(word)
    assert {"runtime", "weights", "overhead", "kv"} <= checked


def test_what_rounding_leaves_goes_to_what_is_modelled() -> None:
    parts = [round(one * STEP) for one in (1496.4, 50.4, 45.6, 50.4)]
    printed = [round(one / STEP) for one in adding_up(parts, [True, True, False, False])]
    assert printed == [1496, 50, 46, 51]
    down = [round(one * STEP) for one in (100.3, 45.55, 50.6, 50.9)]
    assert [round(one / STEP) for one in adding_up(down, [False] * 4)] == [100, 45, 51, 51]
