"""A quant that a device has no code for is refused by name, and no list advises it."""

from __future__ import annotations

import pytest

from llmscale import estimate, fits, needs
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UsageError
from tests.helpers import good, run


@pytest.mark.parametrize(
    ("quant", "device", "needs_"),
    [
        ("nf4", "m3-max", "CUDA, ROCm, XPU or CPU"),
        ("exl3-4bpw", "rtx2080ti", "CUDA (Ampere and later)"),
        ("exl3-4bpw", "rx7900xtx", "CUDA (Ampere and later)"),
        ("torchao-int4", "mi300x", "CUDA or XPU"),
    ],
)
def test_it_is_refused_where_it_has_no_code(quant: str, device: str, needs_: str) -> None:
    said = run("estimate", "llama-3.1-8b", "-q", quant, "--gpu", device).err
    assert f"does not run on {device}: it needs {needs_}." in " ".join(said.split())


@pytest.mark.parametrize(
    ("runtime", "device", "needs_"),
    [
        ("vllm", "gtx1080ti", "vLLM does not run on gtx1080ti: it needs compute capability 7.5"),
        ("vllm", "v100-32gb", "vLLM does not run on v100-32gb: it needs compute capability 7.5"),
        ("vllm@0.10", "gtx1080ti", "it needs compute capability 7"),
        ("vllm", "rx6700xt", "it needs gfx90a, gfx942, gfx950, gfx1100, gfx1101, gfx1150"),
        ("vllm", "rx7600xt", "vLLM does not run on rx7600xt: it needs gfx90a"),
        ("vllm", "w7500", "vLLM does not run on w7500: it needs gfx90a"),
        ("vllm", "radeon-780m", "vLLM does not run on radeon-780m: it needs gfx90a"),
        ("sglang", "v100-32gb", "SGLang does not run on v100-32gb: it needs compute capability 7.5"),
    ],
)
def test_a_device_may_be_too_old_for_a_runtime(runtime: str, device: str, needs_: str) -> None:
    said = run("estimate", "qwen3-0.6b", "-q", "bf16", "--runtime", runtime, "--gpu", device).err
    assert needs_ in " ".join(said.split())


@pytest.mark.parametrize("device", ["rx7900xtx", "rx7800xt", "rx7700", "w7700", "rx9060", "r9700", "mi210", "mi355x"])
def test_cards_of_one_generation_are_told_apart_by_their_target(device: str) -> None:
    (line,) = estimate("qwen3-0.6b", ["bf16"], gpus=[device], runtime="vllm").estimates
    assert line.devices[0].fits


def test_what_a_release_ran_on_is_asked_of_that_release() -> None:
    (line,) = estimate("qwen3-0.6b", ["bf16"], gpus=["v100-32gb"], runtime="vllm@0.10").estimates
    assert line.devices[0].fits
    with pytest.raises(UsageError, match="FP8 does not run on rx7900xtx: it needs FP8 tensor cores"):
        estimate("qwen3-0.6b", ["fp8"], gpus=["rx7900xtx"])
    assert estimate("qwen3-0.6b", ["fp8"], gpus=["rx9070xt", "mi300x", "rtx3090"]).estimates[0].devices[0].fits


@pytest.mark.parametrize(("quant", "device"), [("nf4", "mi300x"), ("exl3-4bpw", "rtx3060"), ("nf4", "24GiB")])
def test_it_runs_where_it_has(quant: str, device: str) -> None:
    (line,) = estimate("llama-3.1-8b", [quant], gpus=[device]).estimates
    assert line.devices[0].fits


def test_of_several_devices_the_others_are_answered() -> None:
    shown = good("estimate", "llama-3.1-8b", "-q", "nf4", "--gpu", "m3-max", "--gpu", "rtx4090", "--width", "200").out
    assert "NF4 does not run on m3-max" in shown
    assert "fits rtx4090" in shown
    with pytest.raises(UsageError, match="does not run on m3-max"):
        estimate("llama-3.1-8b", ["nf4"], gpus=["m3-max + rtx4090"])


def test_no_list_advises_it() -> None:
    """gemma-4-12b has no GGUF that llmscale checked, so that on an Apple chip 16 bits alone are left."""
    every = fits("m3-max:64GB", everything=True)
    assert isinstance(every, FitsResult)
    assert {line.quant for line in every.models}.isdisjoint({"nf4", "nf4-dq", "bnb-int8", "exl3-4bpw"})
    assert not [line for line in needs("gemma-4-12b", quants=["nf4"], everything=True).devices if line.id == "m3-max"]
