"""``fits``, ``needs`` and ``estimate`` say the same of vLLM: of models by name and of the catalogue at once."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.needs import needs
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.fits import FitsResult
from llmscale.answers.results.needs import NeedsResult
from llmscale.errors import UsageError

#: Dense, mixture, windows, latents, recurrent states, images, few KV heads, a head count that few devices divide.
MODELS = (
    "llama-3.1-8b",
    "qwen2.5-14b",
    "qwen3-30b-a3b",
    "gemma-3-27b",
    "deepseek-v3",
    "qwen3.5-35b-a3b",
    "qwen3-vl-8b",
    "gpt-oss-20b",
    "phi-4",
)
QUANTS = ("fp8", "awq", "w8a8")
DEVICES = ("rtx4090", "2x rtx3090", "h100", "4x l4", "8x rtx4090", "3x rtx4090", "24GiB", "rtx4090 + rtx3090")


@cache
def estimated(model: str, quant: str, devices: str, context: int, batch: int = 1) -> DeviceFit | str:
    """What ``estimate --gpu`` says, or the words in which vLLM refuses."""
    try:
        result = estimate(model, [quant], context=context, batch=batch, runtime="vllm", gpus=[devices])
    except UsageError as error:
        return str(error)
    return result.estimates[0].devices[0]


def quants_of(model: str) -> tuple[str, ...]:
    """Those that can hold the model: AWQ needs rows of whole groups."""
    other = {"gpt-oss-20b": ("mxfp4",), "qwen3-vl-8b": ("fp8", "w8a8"), "gemma-3-27b": ("fp8", "w8a8")}
    return other.get(model, QUANTS)


cases = st.sampled_from([(model, quant) for model in MODELS for quant in quants_of(model)])


@settings(max_examples=40, deadline=None)
@given(case=cases, devices=st.sampled_from(DEVICES), context=st.sampled_from([512, 8192, 32768]))
def test_one_quant_fits_as_it_is_estimated(case: tuple[str, str], devices: str, context: int) -> None:
    model, quant = case
    theirs = estimated(model, quant, devices, context)
    if isinstance(theirs, str):
        with pytest.raises(UsageError, match=r".") as refused:
            fits(devices, [model], quants=[quant], context=context)
        assert str(refused.value) == theirs
        return
    result = fits(devices, [model], quants=[quant], context=context)
    assert isinstance(result, FitsResult)
    (line,) = result.models
    assert line.fits is theirs.fits
    assert line.max_context == (theirs.max_context if theirs.fits else None)
    (choice,) = result.choices
    assert (choice.fits, choice.max_context) == (theirs.fits, theirs.max_context)
    assert (choice.missing_bytes > 0) is (theirs.headroom_bytes < 0)


@pytest.mark.parametrize("model", MODELS)
def test_needs_names_only_what_estimate_says_fits(model: str) -> None:
    quant = quants_of(model)[0]
    most = 16 if model == "deepseek-v3" else 2
    result = needs(model, [quant], context=8192, max_count=most, kinds=["consumer", "datacentre"], everything=True)
    assert isinstance(result, NeedsResult)
    assert result.devices
    named = {(device.id, device.count): device for device in result.devices}
    for device in result.devices[::7]:
        theirs = estimated(model, quant, f"{device.count}x {device.id}", 8192)
        assert isinstance(theirs, DeviceFit)
        assert (theirs.fits, theirs.max_context) == (True, device.max_context)
    for name in ("rtx4090", "l4", "h100", "a10", "rtx3060-12gb", "t4"):
        for count in (1, 2):
            theirs = estimated(model, quant, f"{count}x {name}", 8192)
            if (name, count) not in named and (name, 1) not in named:
                assert isinstance(theirs, str) or not theirs.fits, (name, count)


@pytest.mark.parametrize("devices", ["rtx4090", "2x rtx3090", "8x l4"])
def test_the_catalogue_claims_no_fit_that_estimate_denies(devices: str) -> None:
    result = fits(devices, quants=["fp8"], limit=400)
    assert isinstance(result, FitsResult)
    claimed = [line for line in result.models if line.fits]
    assert len(claimed) > 100
    for line in claimed[::17]:
        theirs = estimated(line.id, "fp8", devices, line.context)
        assert isinstance(theirs, DeviceFit)
        assert (theirs.fits, theirs.max_context) == (True, line.max_context), line.id


def test_what_vllm_refuses_on_these_devices_is_refused_in_its_words() -> None:
    with pytest.raises(UsageError, match=r"attention heads \(12\) must be divisible by tensor parallel size \(13\)"):
        fits("13x h100", ["gpt2"], quants=["fp8"])
    assert isinstance(fits("13x h100", quants=["fp8"]), FitsResult)
    with pytest.raises(UsageError, match="keeps no cache in Q8_0"):
        needs("llama-3.1-8b", ["fp8"], kv_dtype="q8_0")


@pytest.mark.parametrize(
    ("model", "quant", "runtime"),
    [
        ("llama-3.1-8b", "fp8", "vllm"),
        ("gemma-3-12b", "fp8", "vllm"),
        ("llama-3.1-8b", "q4_k_m", "llama.cpp"),
        ("gemma-3-4b", "q8_0", "llama.cpp"),
        ("llama-3.1-8b", "fp16", "transformers"),
    ],
)
def test_as_many_sequences_as_fit_do_and_one_more_does_not(model: str, quant: str, runtime: str) -> None:
    def on(batch: int) -> DeviceFit:
        result = estimate(model, [quant], context=2048, batch=batch, runtime=runtime, gpus=["rtx4090"])
        return result.estimates[0].devices[0]

    most = on(1).max_batch
    assert most is not None
    assert on(most).fits
    assert on(most).max_batch == most
    assert not on(most + 1).fits


def test_a_model_that_does_not_fit_has_no_batch() -> None:
    for quant in ("q8_0", "fp16", "fp8"):
        result = estimate("llama-3.1-70b", [quant], gpus=["rtx4090"])
        assert result.estimates[0].devices[0].max_batch is None
