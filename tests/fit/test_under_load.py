"""Users at once: what longer answers do to a step, and whose ranges hold for which cards."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.results.load import ServedLoad
from llmscale.fit.neighbours import neighbours
from llmscale.model.shape import Shape
from llmscale.store.tables import table

LLAMA = "llama-3.1-8b"


def served(gpu: str, users: int = 32, prompt: int = 4096, answer: int = 256) -> ServedLoad:
    asked = {"users": users, "prompt": prompt, "answer": answer}
    (line,) = estimate(LLAMA, ["bf16"], gpus=[gpu], **asked).estimates
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


@pytest.mark.parametrize(("prompt", "answer"), [(4000, 200), (4050, 100), (100, 8000)])
def test_a_step_of_one_user_is_that_of_estimate_with_half_the_answer_written(prompt: int, answer: int) -> None:
    """And what the server's processor does for a step and for a token of it."""
    (line,) = estimate(LLAMA, ["bf16"], gpus=["h100"], runtime="vllm", context=prompt + answer // 2).estimates
    rate, host = line.devices[0].tokens_per_second, table("load")["host"]
    assert rate
    own = (host["step_us"] + host["token_us"]) * 1e-6
    assert served("h100", 1, prompt, answer).token_seconds == pytest.approx(1 / rate + own)


def test_whose_ranges_hold_is_a_matter_of_runtime_and_card() -> None:
    """Tables were read of vLLM on cards of NVIDIA: whatever else there is has the widest ranges."""
    ranges = table("load")["ranges"]
    for runtime, gpu, quant, group in (
        ("vllm", "h100", "bf16", "datacentre"),
        ("vllm", "l40s", "fp8", "datacentre"),
        ("vllm", "rtx4090", "fp8", "other"),
        ("vllm", "mi300x", "bf16", "unmeasured"),
        ("llama.cpp", "h100", "q4_k_m", "unmeasured"),
        ("llama.cpp", "rtx4090", "q4_k_m", "unmeasured"),
    ):
        asked: dict[str, Any] = {"gpus": [gpu], "runtime": runtime, "users": 2, "prompt": 500, "answer": 100}
        found = estimate(LLAMA, [quant], **asked).estimates[0].devices[0].under_load
        assert found is not None
        low, high = ranges[group]["between"]
        ends = found.token_seconds * low, found.token_seconds * high
        assert found.token_seconds_range == pytest.approx(ends, rel=1e-6), (runtime, gpu)


def test_the_first_token_comes_at_the_latest_as_if_all_had_asked_at_once() -> None:
    low, high = table("load")["ranges"]["datacentre"]["first_token"]
    ends = []
    for users in (1, 64):
        found = served("h100", users, 8000, 50)
        ends.append((found.first_token_seconds, *found.first_token_seconds_range))
        assert found.first_token_seconds_range[0] == pytest.approx(found.first_token_seconds * low, rel=1e-6)
        assert found.first_token_seconds_range[1] >= found.first_token_seconds * high * (1 - 1e-6)
    (alone, _, latest), (_, _, crowd) = ends
    assert latest == pytest.approx(alone * high, rel=1e-6)
    assert crowd >= 63 * (alone - served("h100", 1, 1, 50).first_token_seconds)


def test_what_users_get_of_layers_in_ram_is_not_known() -> None:
    """How fast a processor reads prompts nobody measured; it is not taken for what a card does."""
    asked: dict[str, Any] = {"gpus": ["rtx4090"], "users": 2, "prompt": 100, "answer": 50}
    for options, known in (({}, True), ({"gpu_layers": "16", "ram_bandwidth": 80 * 10**9}, False)):
        (line,) = estimate(LLAMA, ["q4_k_m"], **asked, options=options).estimates
        assert line.devices[0].fits
        assert (line.devices[0].under_load is not None) is known
