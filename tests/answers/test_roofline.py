"""A model beside the roof of its devices: each point is what ``estimate`` says of it, over what the work takes."""

from __future__ import annotations

import pytest

from llmscale import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.roofline import MOST_AT_ONCE, RooflineResult, roofline
from llmscale.errors import UsageError

LLAMA = "llama-3.1-8b"


def drawn(gpu: str = "rtx4090", quant: str = "q4_k_m", model: str = LLAMA, **more: object) -> RooflineResult:
    return roofline(model, gpu, quant, kv_dtype="fp16", **more)  # type: ignore[arg-type]


def on(found: RooflineResult, gpu: str, context: int, batch: int = 1) -> DeviceFit:
    asked = {"context": context, "batch": batch, "gpus": [gpu]}
    return estimate(LLAMA, [found.quant], **asked).estimates[0].devices[0]  # type: ignore[arg-type]


def test_decode_is_gone_through_by_doubling_as_far_as_it_fits() -> None:
    for gpu, context in (("rtx4090", 4096), ("rtx4090", 32_768), ("rtx3060-12gb", 32_768), ("8GiB", 16_384)):
        if gpu == "8GiB":
            with pytest.raises(UsageError, match="is not known"):
                drawn(gpu, context=context)
            continue
        found = drawn(gpu, context=context)
        most = on(found, gpu, context).max_batch
        assert most
        many = [point.many for point in found.decode]
        assert many == [2**step for step in range(len(many))]
        assert many[-1] <= min(most, MOST_AT_ONCE) < 2 * many[-1]


def test_a_server_is_gone_through_as_far_as_its_cache_holds() -> None:
    found = drawn("rtx4090", "fp8", context=8192)
    held = on(found, "rtx4090", 8192).max_concurrency
    assert held
    assert held > 1
    assert found.decode[-1].many <= held < 2 * found.decode[-1].many


def test_prompts_are_gone_through_up_to_the_context() -> None:
    assert [point.many for point in drawn(context=1024).prefill] == [128, 256, 512, 1024]
    assert [point.many for point in drawn(context=1000).prefill] == [128, 256, 512]
    assert [point.many for point in drawn(context=100).prefill] == [100]


def test_what_is_reached_is_what_estimate_says() -> None:
    found = drawn(context=2048)
    (one, two, *_), (short, *_) = found.decode, found.prefill
    for point in (one, two):
        rate = on(found, "rtx4090", 2048, point.many).tokens_per_second
        assert rate
        assert point.reached
        # A token takes two FLOPs of each weight but the embedding's, and those of attention.
        flops = point.reached / rate
        assert 2 * 7.5e9 < flops < 2 * 7.5e9 + 5 * 32 * 2048 * 4096
    assert two.per_byte > 1.5 * one.per_byte
    seconds = on(found, "rtx4090", short.many).first_token_seconds
    assert seconds
    assert short.reached
    assert short.reached * seconds == pytest.approx(128 * 2 * 7.5e9, rel=0.1)
    for point in (*found.decode, *found.prefill):
        assert point.possible == found.roof.at(point.per_byte)
    assert all(point.reached and point.reached <= point.possible for point in found.decode)
    assert (found.context, found.quant, found.runtime, found.device) == (2048, "q4_k_m", "llama.cpp", "rtx4090")


def test_of_the_formats_the_first_that_fits_is_taken_and_one_that_does_not_is_refused() -> None:
    assert drawn("rtx4090", "").quant == next(
        line.quant for line in estimate(LLAMA, gpus=["rtx4090"]).estimates if line.devices[0].fits
    )
    with pytest.raises(UsageError, match="does not fit"):
        drawn("rtx3060-12gb", "f16")


@pytest.mark.parametrize(("model", "said"), [("bert-base", "What a token of"), ("7B", "What a token of")])
def test_what_does_not_decode_or_has_no_shape_is_refused(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        drawn("rtx4090", "fp16" if model == "bert-base" else "int4", model)
