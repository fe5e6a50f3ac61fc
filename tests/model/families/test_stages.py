"""Which stages a backbone gives out, however a file says it."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.model.families._expression import UnknownKeyError, evaluate
from llmscale.model.families._stages import given_out


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ({"out_indices": [1, 3]}, [1, 3]),
        ({"out_indices": [-2, -1]}, [3, 4]),
        ({"out_indices": None, "out_features": ["stem", "stage2", "stage4"]}, [0, 2, 4]),
        ({"out_indices": None, "out_features": None}, [4]),
        ({"out_indices": None}, [4]),
        ({"out_indices": [1, 2], "out_features": ["stage1", "stage2"]}, [1, 2]),
    ],
)
def test_stages_are_said_by_name_by_number_or_not_at_all(said: dict[str, Any], numbers: list[int]) -> None:
    values = {f"backbone_config.{key}": value for key, value in said.items()}
    assert dict(given_out({**values, "backbone_config.depths": [2, 2, 6, 2]})) == {
        "backbone_config.out_indices": numbers
    }
    assert dict(given_out({**said, "num_hidden_layers": 4})) == {"out_indices": numbers}


@pytest.mark.parametrize(
    "values",
    [
        {"out_indices": None},
        {"out_indices": None, "out_features": ["res4"], "vocab_size": 3},
        {"out_indices": "last"},
        {"taps_out_indices": [1]},
        {"depths": [1, 2]},
    ],
)
def test_nothing_is_said_where_nothing_follows(values: dict[str, Any]) -> None:
    assert dict(given_out(values)) == {}


def test_negative_numbers_stay_where_nobody_says_how_many_there_are() -> None:
    assert dict(given_out({"out_indices": [-1]})) == {"out_indices": [-1]}


def test_a_size_goes_by_the_stage_that_is_given_out() -> None:
    values = {"hidden_sizes": [32, 64, 128], "out_indices": [1, 3]}
    assert [evaluate("hidden_sizes[out_indices[i+0]-1]", values, {"i": place}) for place in (0, 1)] == [32, 128]
    assert evaluate("hidden_sizes[out_indices[-1]-1]", values, {}) == 128
    for beyond in ({**values, "out_indices": [0]}, {**values, "out_indices": [4]}):
        with pytest.raises(UnknownKeyError):
            evaluate("hidden_sizes[out_indices[0]-1]", beyond, {})


@pytest.mark.parametrize(("layer", "stage", "before"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 2, 1), (9, 2, 2)])
def test_a_layer_is_in_a_stage_and_so_is_the_one_before_it(layer: int, stage: int, before: int) -> None:
    values = {"depths": [1, 2, 7], "widths": [8, 16, 32]}
    assert evaluate("depths~i+0", values, {"i": layer}) == stage
    assert evaluate("widths[depths~i-1]", values, {"i": layer}) == values["widths"][before]


def test_stages_have_so_many_layers_together_and_no_more() -> None:
    assert evaluate("sum depths", {"depths": [1, 2, 7]}, {}) == 10
    for name, values in (
        ("depths~i+0", {"depths": [1, 2]}),
        ("widths[depths~i+0]", {"depths": [9, 9, 9], "widths": [4]}),
    ):
        with pytest.raises(UnknownKeyError):
            evaluate(name, values, {"i": 20})
