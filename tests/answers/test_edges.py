"""Small decisions of the answers, each at the value where it turns."""

from __future__ import annotations

import pytest

from llmscale import fits, load
from llmscale.answers.named import called
from llmscale.answers.results.fits import FitsResult
from llmscale.answers.usual import usual
from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.fit.subject import model_of
from tests.answers.test_train_layouts import cut


def test_files_are_those_of_who_has_every_quant_not_the_first_listed() -> None:
    """Of Llama 3 70B mradermacher's files are listed first, of CodeLlama 70B somebody else's."""
    assert called(model_of(load("llama-3-70b").known()).about).gguf == "bartowski/Meta-Llama-3-70B-Instruct-GGUF"
    assert called(model_of(load("codellama-70b").known()).about).gguf == "mradermacher/CodeLlama-70b-hf-GGUF"


def test_a_server_is_at_home_on_devices_of_data_centres_alone() -> None:
    model = model_of(load("qwen3-0.6b").known())
    for devices, runtime in (("h100", "vllm"), ("rtx4090", None)):
        found = usual(model, [device_set(devices)])
        assert found is not None
        assert found.runtime == runtime


def test_what_models_may_take_is_what_their_runtime_leaves() -> None:
    """vLLM takes nine tenths of a device or so; llama.cpp all that is free."""
    answer = fits("h100", ["qwen3-0.6b"], runtime="vllm")
    assert isinstance(answer, FitsResult)
    assert answer.device.usable_bytes == answer.models[0].usable_bytes < device_set("h100").total_usable


def test_what_the_runtime_refused_is_said_of_the_quant_that_was_asked_for_first() -> None:
    with pytest.raises(UsageError, match="no cache in Q8_0"):
        fits("24GiB", ["qwen3-8b"], runtime="exllama", kv_dtype="q8_0")


def test_stages_are_not_cut_again_unless_one_says_so() -> None:
    """28 layers in 4 stages are 7 each, which no two virtual stages divide."""
    assert {each.pp for each in cut("qwen3-0.6b", "8x h100", pp=4)[0]} == {4}
    with pytest.raises(UsageError, match="This layout cannot be"):
        cut("qwen3-0.6b", "8x h100", pp=4, vp=2)
