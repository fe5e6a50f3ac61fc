"""Families derived by machine: counts of the real class, and what was not tried is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.errors import LlmscaleError, UnsupportedModelError
from llmscale.model.families import from_config, model_types
from llmscale.model.families._expression import UnknownKeyError, evaluate
from llmscale.model.inventory import inventory

#: `SegformerForSemanticSegmentation` of b0, whose published file is that of nvidia/segformer-b0 with 24 labels.
SEGFORMER: dict[str, Any] = {
    "model_type": "segformer",
    "architectures": ["SegformerForSemanticSegmentation"],
    "decoder_hidden_size": 256,
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [32, 64, 160, 256],
    "num_attention_heads": [1, 2, 5, 8],
    "num_encoder_blocks": 4,
    "id2label": {str(number): f"kind {number}" for number in range(24)},
}


def count(**more: Any) -> int:
    return inventory(from_config({**SEGFORMER, **more}, "a file")).total()


def test_it_counts_as_the_class() -> None:
    # transformers 5.24.0 on the meta device
    assert count() == 3_720_312
    assert count(architectures=["SegformerForImageClassification"], id2label={"0": "a", "1": "b"}) == 3_319_906


def test_a_type_that_was_probed_is_one_that_is_known() -> None:
    assert model_types()["segformer"] == "probed"


@pytest.mark.parametrize(
    "more",
    [
        {"architectures": ["SegformerForDivination"]},
        {"hidden_sizes": [32, 64]},
        {"depths": "deep"},
    ],
)
def test_what_was_not_tried_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        count(**more)
    assert any(str(word) in caught.value.message for word in (*more, "SegformerForDivination"))


@pytest.mark.parametrize("value", [-3, 10**9, True, float("nan")])
def test_numbers_are_bounded(value: Any) -> None:
    with pytest.raises(LlmscaleError):
        count(decoder_hidden_size=value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (7, 7),
        ("width", 12),
        (["*", "width", ["+", "depths[i-1]", 1]], 36),
        (["//", "len depths", 2], 1),
        ("depths[-1]", 5),
        (["is", "depths[i-2]", None], True),
        (["not", ["<=", "width", 12]], False),
        (["if", ["==", ["%", "i", 2], 1], 1, 2], 1),
        (["or", ["is", "kind", "a"], ["<", "i", 1]], True),
    ],
)
def test_expressions(expression: Any, value: Any) -> None:
    assert evaluate(expression, {"width": 12, "depths": [2, 5], "kind": "a"}, {"i": 1}) == value


@pytest.mark.parametrize("expression", ["nothing", "depths[i+4]", "len width", ["+", "none", 1]])
def test_what_nobody_said_is_named(expression: Any) -> None:
    with pytest.raises(UnknownKeyError):
        evaluate(expression, {"width": 12, "depths": [2], "none": None}, {"i": 0})
