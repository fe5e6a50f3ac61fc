"""Speculation by a model's own layer: what it takes, what it is refused for, and the starts that agree with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from tests.helpers import good, run
from tests.runtimes.vllm.test_blocks import ROWS, asked, told

THREE = '{"method": "mtp", "num_speculative_tokens": 3}'
#: Bytes of a block with three tokens: 17 layers' pages of 800 tokens of 4 heads of 256, K and V.
BLOCK = 17 * 800 * 4 * 256 * 2 * 2


def on(model: str, gpu: str, config: str | None, quant: str = "bf16", **options: Any) -> DeviceFit:
    said = options | ({"speculative_config": config} if config else {})
    answer = estimate(model, [quant], context=16384, runtime="vllm@0.27", gpus=[gpu], options=said)
    return answer.estimates[0].devices[0]


@pytest.mark.parametrize("row", [row for row in ROWS if "unsaid" in row], ids=lambda row: row["quant"])
def test_starts_that_do_not_say_so_agree_with_three_tokens(row: dict[str, Any]) -> None:
    """939 and 556 blocks, where without speculation 1,124 and 711 are counted."""
    device = asked(row, speculative_config=THREE)
    assert row["blocks"] <= (device.kv_cache_bytes or 0) // BLOCK <= row["blocks"] * 1.06
    assert told(device)["too_many_sequences"]["blocks"] == (device.kv_cache_bytes or 0) // BLOCK
    assert not device.may_fit


def test_a_request_has_a_layer_of_attention_and_a_state_of_each_token_more() -> None:
    """16,384 tokens of Qwen3.5-27B are 21 blocks of either size; states of three groups, two and three more each."""
    plain, speculating = (on("qwen3.5-27b", "h200", config, max_num_seqs=8) for config in (None, THREE))
    requests = [
        (plain.kv_cache_bytes or 0) // (BLOCK * 16 * 784 // 17 // 800),
        (speculating.kv_cache_bytes or 0) // BLOCK,
    ]
    assert plain.max_concurrency == pytest.approx(requests[0] / (21 + 3 * 2))
    assert speculating.max_concurrency == pytest.approx(requests[1] / (21 + 3 * 5))


def test_the_layer_is_among_the_weights_and_the_speed_is_nobodys_guess() -> None:
    plain, speculating = (on("qwen3.5-27b", "h200", config) for config in (None, THREE))
    # 424,699,392 parameters in 16 bits, as tests/model/test_prediction.py has them.
    more = speculating.per_device[0].parts["weights"] - plain.per_device[0].parts["weights"]
    assert more == pytest.approx(2 * 424_699_392, rel=1e-3)
    assert plain.tokens_per_second
    assert speculating.tokens_per_second is None


def test_without_recurrent_layers_it_is_one_layer_of_the_cache() -> None:
    plain, speculating = (on("deepseek-v3", "8x h200", config, "fp8-block", tp=8) for config in (None, THREE))
    each = [(one.kv_cache_bytes or 0) / (one.kv_cache_tokens or 1) for one in (plain, speculating)]
    assert each[1] / each[0] == pytest.approx(62 / 61, rel=1e-3)


def test_the_command_says_it() -> None:
    words = (
        "estimate",
        "qwen3.5-27b",
        "-q",
        "bf16",
        "--runtime",
        "vllm",
        "--gpu",
        "h200",
        "--speculative-config",
        THREE,
    )
    command = good(*words, "-o", "json").json()["estimates"][0]["devices"][0]["command"]
    assert f"--speculative-config '{THREE}'" in command


@pytest.mark.parametrize(
    ("model", "config", "why"),
    [
        ("qwen3.5-27b", "mtp", "is not JSON"),
        ("qwen3.5-27b", "[" * 100_000, "is not JSON"),
        ("qwen3.5-27b", "3", "is no object"),
        ("qwen3.5-27b", "{}", "is not modelled"),
        ("qwen3.5-27b", json.dumps({"method": "ngram", "num_speculative_tokens": 3}), "by 'ngram'"),
        ("qwen3.5-27b", json.dumps({"model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 3}), "by 'Qwen/Qwen3-0.6B'"),
        ("qwen3.5-27b", json.dumps({"method": "mtp", "model": "a", "num_speculative_tokens": 3}), "is not modelled"),
        ("qwen3.5-27b", json.dumps({"method": "mtp"}), "from 1 to 64"),
        ("qwen3.5-27b", json.dumps({"method": "mtp", "num_speculative_tokens": True}), "from 1 to 64"),
        ("qwen3.5-27b", json.dumps({"method": "mtp", "num_speculative_tokens": 65}), "from 1 to 64"),
        ("llama-3.1-8b", THREE, "no layer that predicts"),
        ("glm-4.6", THREE, "was not read"),
    ],
)
def test_what_cannot_be_speculated_with_is_one_message(model: str, config: str, why: str) -> None:
    answer = run("estimate", model, "--runtime", "vllm", "-q", "bf16", "--gpu", "h200", "--speculative-config", config)
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert why in answer.err


def test_pipeline_stages_beside_it_are_refused() -> None:
    words = ("estimate", "qwen3.5-27b", "--runtime", "vllm", "-q", "bf16", "--gpu", "2x h200", "--pp", "2")
    answer = run(*words, "--speculative-config", THREE)
    assert (answer.status, "pipeline stages" in answer.err) == (2, True)
