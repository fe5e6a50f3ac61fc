"""Users at once: what longer answers do to a step, and whose ranges hold for which cards."""

from __future__ import annotations

import pytest

from llmscale import estimate
from llmscale.answers.results.load import ServedLoad
from llmscale.fit.neighbours import neighbours
from llmscale.model.shape import Shape
from llmscale.store.tables import table


def served(gpu: str, users: int = 32, prompt: int = 4096, answer: int = 256) -> ServedLoad:
    asked = {"users": users, "prompt": prompt, "answer": answer}
    (line,) = estimate("llama-3.1-8b", ["bf16"], gpus=[gpu], **asked).estimates
    found = line.devices[0].under_load
    assert found is not None
    return found


def test_a_longer_answer_makes_each_step_longer() -> None:
    """A step reads the cache that a sequence has halfway."""
    steps = [served("h100", prompt=16, answer=answer).token_seconds for answer in (2048, 8192, 24_576)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


@pytest.mark.parametrize(("gpu", "group"), [("h100", "datacentre"), ("rtx4090", "other")])
def test_the_range_is_that_of_the_kind_of_card(gpu: str, group: str) -> None:
    found = served(gpu, users=2)
    low, high = table("load")["ranges"][group]["tokens_per_second"]
    assert found.tokens_per_second_range[0] == pytest.approx(found.tokens_per_second * low, rel=1e-6)
    assert found.tokens_per_second_range[1] == pytest.approx(found.tokens_per_second * high, rel=1e-6)


@pytest.mark.parametrize("size", [10**8, 5 * 10**8, 7 * 10**9, 7 * 10**10])
def test_models_of_about_a_size_write_text_with_attention_alone(size: int) -> None:
    for found in neighbours(size, False):
        shape = Shape.from_json(found.widths or ())
        assert found.text
        assert shape.caches
        assert not shape.states
