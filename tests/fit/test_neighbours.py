"""Real models of about a given size."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.catalogue.summaries import summaries, summary
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


def test_every_model_of_text_and_attention_alone_may_stand_for_a_size_and_no_other() -> None:
    found = {one.id for size in range(7, 13) for mixture in (False, True) for one in neighbours(10**size, mixture)}
    known = {one.id: one for one in summaries()}
    assert found
    for one in (known[name] for name in found):
        shape = Shape.from_json(one.widths or ())
        assert one.text, one.id
        assert shape.caches, one.id
        assert not shape.states, one.id
    for size, own in ((124_439_808, "gpt2"), (6_738_415_616, "llama-2-7b"), (70_553_706_496, "llama-3.1-70b")):
        assert own in {one.id for one in neighbours(size, False)}
    assert not found & {"whisper-large-v3", "vit-base", "bert-base", "mamba-2.8b", "nemotron-h-8b"}


def test_the_nearest_come_first_and_all_of_about_the_size_are_among_them() -> None:
    dense = [one for one in summaries() if not one.active or one.active >= one.parameters]
    for size in (3 * 10**8, 7 * 10**9, 3 * 10**10, 10**15):
        found = neighbours(size, False)
        off = [max(one.parameters / size, size / one.parameters) for one in found]
        assert off == sorted(off)
        near = [each for each in off if each <= NEIGHBOURHOOD]
        assert len(found) == max(len(near), FEWEST)
        least = off[-1]
        left_out = [
            one for one in dense if one not in found and max(one.parameters / size, size / one.parameters) < least
        ]
        assert not any(one.text and one.widths and _attends_alone(one.widths) for one in left_out)


def _attends_alone(widths: list[Any]) -> bool:
    shape = Shape.from_json(widths)
    return bool(shape.caches) and not shape.states
