"""Real models of about a given size."""

from __future__ import annotations

import pytest

from llmscale.catalogue.summaries import summary
from llmscale.fit.neighbours import FEWEST, NEIGHBOURHOOD, neighbours
from llmscale.model.shape import Shape


@pytest.mark.parametrize("mixture", [False, True])
@pytest.mark.parametrize("parameters", [7 * 10**9, 70 * 10**9])
def test_they_are_the_catalogues_own_decoders_of_that_kind(parameters: int, mixture: bool) -> None:
    found = neighbours(parameters, mixture)
    assert len(found) >= FEWEST
    for one in found:
        assert summary(one.id) == one
        assert (one.active != one.parameters) == mixture
        assert Shape.from_json(one.widths or ()).caches


def test_all_within_the_neighbourhood_where_these_are_enough() -> None:
    sizes = [one.parameters / 7e9 for one in neighbours(7 * 10**9, False)]
    assert all(1 / NEIGHBOURHOOD <= size <= NEIGHBOURHOOD for size in sizes)


def test_the_nearest_of_a_size_that_nobody_has() -> None:
    assert len(neighbours(10**15, False)) == FEWEST
