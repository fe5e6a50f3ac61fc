"""The largest tensor that a backend allocates."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.devices.sets import device_set
from llmscale.runtimes.llama_cpp.backends import LARGEST, limit
from llmscale.runtimes.llama_cpp.load import load_of
from llmscale.runtimes.llama_cpp.placement import place
from llmscale.runtimes.placed import Verdict
from llmscale.units import GIB
from tests.cli.test_slips import run
from tests.helpers import good
from tests.runtimes.llama_cpp.test_placement import subject, work


def largest(model: str, form: str, devices: str, context: int = 8192, **options: Any) -> tuple[str, int] | None:
    it, asked = subject(model, form), work(context, backend="vulkan", **options)
    cards = device_set(devices)
    load = load_of(it, asked, cards)
    found = limit(it, asked, load, load.offload._replace(cpu_moe=options.get("n_cpu_moe", 0)), cards)
    return (found.note.values["what"], found.note.values["size"]) if found else None


def test_scores_of_attention() -> None:
    """32 heads x 512 tokens x the context in whole cells x 4 bytes: 65,536 are 4 GiB, a cell less are not."""
    assert largest("llama-3.1-8b", "q4_k_m", "w7900", 65536, flash_attn=False) == ("scores", 4 * GIB)
    assert largest("llama-3.1-8b", "q4_k_m", "w7900", 65536 - 256, flash_attn=False) is None
    assert largest("llama-3.1-8b", "q4_k_m", "w7900", 65536 - 256, flash_attn=False, ubatch=1024) is not None
    assert largest("llama-3.1-8b", "q4_k_m", "w7900", 131072) is None
    assert LARGEST == 4 * GIB - 1


def test_experts_of_a_layer_are_one_tensor() -> None:
    """DeepSeek V3: 256 experts of 2,048 x 7,168 in 8.5 bits are 3.72 GiB, in 16 bits 7 GiB."""
    assert largest("deepseek-v3", "q8_0", "30x w7900") is None
    assert largest("deepseek-v3", "gguf-bf16", "30x w7900") == ("weights", 256 * 2048 * 7168 * 2)
    assert largest("deepseek-v3", "gguf-bf16", "30x w7900", n_cpu_moe=61) is None


def test_keys_of_a_layer_with_many_sequences() -> None:
    """8 heads x 128 x 2 bytes a token: 2,097,152 tokens are 4 GiB."""
    it, devices = subject("llama-3.1-8b"), device_set("4x h200")
    some = work(131072, backend="vulkan")._replace(batch=16)
    assert [told.note.values["what"] for told in place(it, some, devices).limits] == ["cache"]
    assert not place(it, some._replace(batch=15), devices).limits
    assert not place(it, some.with_options(kv_offload=False), devices).limits


@pytest.mark.parametrize("backend", [None, "cuda", "rocm", "metal", "sycl"])
def test_others_allocate_whatever_there_is(backend: str | None) -> None:
    it, devices = subject("llama-3.1-8b"), device_set("w7900")
    asked = work(131072, flash_attn=False).with_options(backend=backend)
    assert place(it, asked, devices).fits is Verdict.YES
    assert place(it, asked.with_options(backend="vulkan"), devices).fits is Verdict.NO


def test_a_backend_that_is_a_runtime_is_taken_as_one() -> None:
    answer = run("estimate", "llama-3.1-8b", "-q", "bf16", "--backend", "vllm", "--gpu", "h100")
    assert answer.status == 0
    assert "--runtime vllm" in answer.err
    assert run("estimate", "llama-3.1-8b", "-q", "q4_k_m", "--backend", "abacus", "--gpu", "h100").status == 3


@pytest.mark.parametrize(
    ("device", "words", "copies"),
    [
        ("rtx3090", (), True),
        ("rx7900xtx", (), True),
        ("m3-max:64GB", (), False),
        ("arc-b580", (), False),
        ("rtx3090", ("--backend", "vulkan"), False),
    ],
)
def test_f16_copies_of_a_quantised_cache_are_cudas(device: str, words: tuple[str, ...], copies: bool) -> None:
    """CUDA's attention, which is ROCm's too, reads keys and values in F16: 128 MiB of them here."""
    asked = ("estimate", "qwen3-8b", "-q", "q4_k_m", "-c", "32768", "--kv-dtype", "q8_0", "--gpu", device)
    (found,) = good(*asked, *words, "-o", "json").json()["estimates"][0]["devices"]
    assert (found["per_device"][0]["parts"]["compute"] > 2 * 32768 * 1024 * 2) == copies
