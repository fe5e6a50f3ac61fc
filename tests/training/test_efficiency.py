"""How far the expected share of a card's rate is off on rows that were left out."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from llmscale.answers.train_compute import generations
from llmscale.training.efficiency import ERRORS, GENERATIONS, PRECISIONS, AskedRun, expected
from llmscale.training.published import Reached, prices, reached, runs


def left_out(together: Callable[[Reached], str]) -> tuple[float, float]:
    """Median error, and how often the range held, with all rows left out that are called the same."""
    of, errors, held = generations(), [], 0
    for row in reached():
        asked = AskedRun(of[row.device], row.precision, row.active, row.moe, row.gpus, row.run)
        found = expected(asked, of, [each for each in reached() if together(each) != together(row)])
        errors.append(abs(found.value / row.share - 1))
        held += found.low <= row.share <= found.high
    return median(errors), held / len(errors)


def test_a_makers_family_left_out() -> None:
    off, held = left_out(lambda row: row.family)
    assert off <= ERRORS["family"].median
    assert held >= ERRORS["family"].held


def test_the_model_itself_left_out() -> None:
    off, held = left_out(lambda row: row.model)
    assert off <= ERRORS["model"].median
    assert held >= ERRORS["model"].held


def test_every_row_can_be_asked_about() -> None:
    assert set(generations().values()) <= set(GENERATIONS)
    assert {row.precision for row in reached()} <= set(PRECISIONS)
    assert all(0 < row.share < 1.6 for row in reached())  # of the 16-bit rate: fp4 can reach more


def test_prices_are_dated_ranges_and_runs_have_sources() -> None:
    assert all(each.date and each.source and 0 < each.low <= each.high for each in prices())
    assert all(each.source and each.active <= each.parameters for each in runs())
