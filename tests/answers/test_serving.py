"""How many users a server has at once, and what would let in more: each figure is what the same question gives."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.serving import CONTEXTS
from tests.helpers import good

ASKED: dict[str, Any] = {"quants": ["fp8"], "gpus": ["2x l40s"], "context": "32k", "sequences": 20}


def on(model: str = "qwen3-32b", runtime: str = "vllm", **asked: Any) -> DeviceFit:
    return estimate(model, runtime=runtime, **{**ASKED, **asked}).estimates[0].devices[0]


@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_users_at_once_are_those_of_that_context(runtime: str) -> None:
    device = on(runtime=runtime)
    assert [one.context for one in device.users] == list(CONTEXTS)
    for one in device.users:
        alone = on(runtime=runtime, context=one.context, sequences=1).max_concurrency
        assert one.requests == pytest.approx(alone or 0, abs=0.01)
    counts = [one.requests for one in device.users]
    assert counts == sorted(counts, reverse=True)


def test_a_context_beyond_the_models_limit_has_no_users() -> None:
    assert {one.context for one in on("llama-2-13b", context=4096).users} == {4096}


@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_what_lets_in_more_gives_what_it_says(runtime: str) -> None:
    device = on(runtime=runtime)
    said = {told.code: told.values for told in device.remedies}
    assert list(said) == ["waiting", "remedy_kv", "remedy_context", "remedy_quant", "remedy_devices"]
    before = said["waiting"]["requests"]
    for code, changed in (
        ("remedy_kv", {"kv_dtype": "fp8"}),
        ("remedy_quant", {"quants": ["awq"]}),
        ("remedy_devices", {"gpus": ["4x l40s"]}),
    ):
        found = on(runtime=runtime, **changed).max_concurrency or 0
        assert said[code]["requests"] == pytest.approx(found, abs=0.06)
        assert said[code]["requests"] > before
    assert on(runtime=runtime, context=said["remedy_context"]["context"]).fits


def test_a_cache_that_is_small_already_is_not_told_to_be_smaller() -> None:
    said = [told.code for told in on(kv_dtype="fp8", sequences=60).remedies]
    assert said[0] == "waiting"
    assert "remedy_kv" not in said


def test_nothing_is_to_be_done_where_all_run() -> None:
    device = on(context="2k")
    assert device.fits
    assert device.remedies == ()


def test_the_first_line_says_how_many_run() -> None:
    line = [
        "estimate",
        "qwen3-32b",
        "--gpu",
        "2xl40s",
        "--runtime",
        "vllm",
        "-q",
        "fp8",
        "--sequences",
        "20",
        "-c",
        "32k",
    ]
    text = good(*line).out
    assert text.startswith("In part: of 20 sequences of 32,768 tokens ~5.8 run at once on 2x l40s in FP8")
    assert "4x l40s: ~" in text
    assert good(*line, "--lang", "zh").out.startswith("部分可以")
