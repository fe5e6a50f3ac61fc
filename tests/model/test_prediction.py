"""The layer that predicts further tokens, against sizes of published checkpoints."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.inventory import inventory
from llmscale.model.prediction import predicting, prediction_layers, projection
from llmscale.sources.registry import load


@pytest.mark.parametrize(
    ("config", "count"),
    [
        ({}, 0),
        ({"num_nextn_predict_layers": 1}, 1),
        ({"text_config": {"mtp_num_hidden_layers": 1}}, 1),
        ({"num_nextn_predict_layers": 0}, 0),
        ({"num_nextn_predict_layers": True}, 0),
        ({"num_nextn_predict_layers": -3}, 0),
        ({"text_config": ["mtp_num_hidden_layers"]}, 0),
    ],
)
def test_how_many_a_config_names(config: dict[str, Any], count: int) -> None:
    assert prediction_layers(config) == count


def predicted(model: str) -> int:
    """Parameters that the layer adds."""
    spec = load(model).known()
    more = predicting(spec)
    assert more.layers == spec.layers + 1
    return inventory(more).total() - inventory(spec).total() + projection(spec)


def test_the_layer_is_what_a_checkpoint_has_more() -> None:
    """Qwen3.8-27B is 55,563,006,776 bytes in 16 bits, of which at most 200 KB are headers."""
    whole = 2 * (inventory(load("qwen3.5-27b").known()).total() + predicted("qwen3.5-27b"))
    assert 0 < 55_563_006_776 - whole < 200_000


def test_the_layer_of_deepseek_v3_is_14_billion_with_embedding_and_head() -> None:
    """The README of DeepSeek-V3: 671 B of the main model, 14 B of the module."""
    spec = load("deepseek-v3").known()
    assert 13.4e9 < predicted("deepseek-v3") + 2 * spec.vocab_size * spec.hidden_size < 14.5e9


@pytest.mark.parametrize(("model", "why"), [("qwen3-8b", "no layer"), ("glm-4.6", "was not read")])
def test_a_model_without_one_is_refused(model: str, why: str) -> None:
    with pytest.raises(UnsupportedModelError, match=why):
        predicting(load(model).known())
