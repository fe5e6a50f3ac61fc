"""What is compiled of a model answers as the model itself does where it says so, and says where it does not."""

from __future__ import annotations

from functools import cache
from math import inf

import pytest

from llmscale.devices.processor import processor
from llmscale.devices.sets import device_set
from llmscale.formats.catalogue import number_format
from llmscale.formats.weights import file_weights
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.placement import place
from llmscale.runtimes.llama_cpp.process import MIDDLE, fixed, pool
from llmscale.runtimes.llama_cpp.runtime import runtime
from llmscale.runtimes.llama_cpp.summarise import summarise
from llmscale.runtimes.llama_cpp.summary import ELSEWHERE, error, memory, on_host
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, PRECISE, STATE, UNKNOWN, WEIGHTS, LayerSplit, Off
from llmscale.runtimes.subject import Exact, SizedWeights, Summary
from llmscale.units import GIB
from tests.runtimes.llama_cpp.test_placement import part, subject, work

BARE = device_set("900GiB")


@cache
def pair(model: str) -> tuple[Exact, Summary]:
    it = subject(model)
    sized = SizedWeights(it.weights, *file_weights(it.stored))
    return it, Summary(model, it.widths, sized, it.quant, summarise(it), it.family, it.spec.max_context)


@pytest.mark.parametrize("model", ["qwen3-0.6b", "gemma-3-4b", "mamba-130m", "granite-4.0-h-micro", "deepseek-v2-lite"])
@pytest.mark.parametrize("context", [512, 1024, 4096, 20_480])
def test_plain_settings_to_the_byte(model: str, context: int) -> None:
    it, compiled = pair(model)
    placed, found = place(it, work(context), BARE), memory(compiled, work(context))
    (one,) = placed.devices
    assert found.weights.value == part(one, WEIGHTS)
    assert found.cache.value == part(one, CACHE)
    assert found.state.value == part(one, STATE)
    assert found.compute.value == part(one, COMPUTE)
    assert found.overhead.value == part(one, OVERHEAD)
    assert {kind: size.value for kind, size in found.host} == {
        kind: part(placed.host, kind) for kind in (WEIGHTS, COMPUTE)
    }
    assert error(compiled, work(context), BARE) == 0


def test_the_cells_of_gemma_3() -> None:
    """Of 34 layers five see everything, the others 1,024 tokens and a step; K and V of 4 heads x 256 in 16 bits."""
    _, compiled = pair("gemma-3-4b")
    row = 2 * 4 * 256 * 2
    assert memory(compiled, work(8192)).cache.value == row * (5 * 8192 + 29 * 1536)
    assert memory(compiled, work(8000)).cache.value == row * (5 * 8192 + 29 * 1536)
    assert memory(compiled, work(1280)).cache.value == row * 34 * 1280
    assert memory(compiled, work(8192, ubatch=2048)).cache.value == row * (5 * 8192 + 29 * 3072)
    assert memory(compiled, work(8192)._replace(batch=3)).cache.value == 3 * row * (5 * 8192 + 29 * 1536)


def test_states_and_buffers_of_several_sequences() -> None:
    _, compiled = pair("mamba-130m")
    one, three = (memory(compiled, work()._replace(batch=batch)) for batch in (1, 3))
    assert three.state.value == 3 * one.state.value > 0
    # 24 layers of 1,536 channels: 16 of state and three of the convolution's inputs, in FP32.
    assert one.state.value == 24 * 1536 * (16 + 3) * 4


def test_several_sequences_are_as_many_cells() -> None:
    for model in ("qwen3-0.6b", "mamba-130m"):
        _, compiled = pair(model)
        three, long = memory(compiled, work(4096)._replace(batch=3)), memory(compiled, work(3 * 4096))
        assert three.compute.value == long.compute.value
    # An encoder's step holds no more for several.
    _, encoder = pair("bert-base")
    alone, both = memory(encoder, work(512)), memory(encoder, work(512)._replace(batch=2))
    assert alone.compute.value == both.compute.value


def test_steps_that_are_not_the_usual_have_their_own_pool() -> None:
    _, compiled = pair("qwen3-0.6b")
    for asked, tokens in ((work(100), 100), (work(4096), 512), (work(4096, ubatch=1024), 1024)):
        assert memory(compiled, asked).overhead.value == fixed(MIDDLE) + pool(3072, tokens)


@pytest.mark.parametrize(
    ("asked", "devices", "expected"),
    [
        (work(512), "rtx4090", 0.0),
        (work(40_960), "rtx4090", 0.0),
        (work(41_216), "rtx4090", ELSEWHERE),  # beyond what it was compiled for
        (work(4095), "rtx4090", ELSEWHERE),
        (work(256), "rtx4090", ELSEWHERE),
        (work()._replace(batch=2), "rtx4090", ELSEWHERE),
        (work(ubatch=256), "rtx4090", ELSEWHERE),
        (work(ram_bandwidth=60), "rtx4090", ELSEWHERE),
        (work(), "2x rtx4090", ELSEWHERE),
        (work(n_cpu_moe=3), "rtx4090", inf),
        (work(ram=64 * GIB), "rtx4090", inf),
    ],
)
def test_how_far_off_it_may_be(asked: Workload, devices: str, expected: float) -> None:
    _, compiled = pair("qwen3-0.6b")
    assert error(compiled, asked, device_set(devices)) == expected
    nothing = compiled._replace(compiled=None)
    assert error(nothing, asked, device_set(devices)) == (inf if expected == inf else ELSEWHERE)


@pytest.mark.parametrize("kv", ["q8_0", "bf16"])
def test_other_caches_are_a_little_off(kv: str) -> None:
    _, compiled = pair("qwen3-0.6b")
    assert error(compiled, work()._replace(kv=number_format(kv)), BARE) == ELSEWHERE
    assert error(compiled, work()._replace(kv_v=number_format(kv)), BARE) == ELSEWHERE


def test_what_was_not_compiled_takes_the_general_rule() -> None:
    """Qwen3 0.6B: 28 layers of 8 heads x 128, a step of the whole context."""
    _, compiled = pair("qwen3-0.6b")
    found = memory(compiled._replace(compiled=None), work(1000))
    assert found.cache.value == 28 * 1000 * 2 * 1024 * 2
    assert found.overhead.value == fixed(MIDDLE) + pool(3072, 512)
    assert dict(found.host)[COMPUTE].value == 0


def test_what_runs_on_a_processor_is_screened_a_little_off() -> None:
    _, compiled = pair("qwen3-0.6b")
    it = runtime("b10488")
    assert it.screen_error(compiled, work(), processor("cpu:64GB")) == Off(ELSEWHERE, ELSEWHERE)
    assert it.screen_error(compiled, work(), device_set("rtx4090")) == PRECISE
    assert it.screen_error(compiled, work(n_cpu_moe=1), processor("cpu:64GB")) == UNKNOWN
    screened = it.screen(compiled, work(), processor("cpu:64GB"))
    assert screened == on_host(compiled, work(), processor("cpu:64GB"))


def test_a_processor_holds_both_sides() -> None:
    _, compiled = pair("qwen3-0.6b")
    found, placed = memory(compiled, work()), on_host(compiled, work(), processor("cpu:64GB"))
    (usage,), host = placed.devices, {kind: size.value for kind, size in found.host}
    assert part(usage, WEIGHTS) == found.weights.value + host[WEIGHTS]
    assert part(usage, COMPUTE) == found.compute.value + host[COMPUTE]
    assert part(usage, CACHE) == found.cache.value
    assert part(usage, OVERHEAD) == 0
    assert placed.layers == LayerSplit(0, 29)
