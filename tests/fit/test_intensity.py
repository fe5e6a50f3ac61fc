"""FLOPs and the bytes read for them, beside what datasheets say of a device: by hand, and where the two cross."""

from __future__ import annotations

import pytest

from llmscale import load
from llmscale.devices.device import entry
from llmscale.devices.sets import device_set
from llmscale.fit.intensity import Intensity, Roof, of_prompt, of_step, roof_of
from llmscale.fit.pace import Moved, moved, prompt_load, step_load
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload

#: LLaMA 2 7B in 16 bits: all matrices but the embedding, which is looked up; a token caches 2 x 32 x 4,096 x 2 bytes.
READ = 2 * (6_738_415_616 - 32_000 * 4096)
CACHED = 2 * 32 * 4096 * 2


def what(model: str = "llama-2-7b") -> Moved:
    found = moved(model_of(load(model).known()).subject(quant("fp16"), "vllm"))
    assert found is not None
    return found


def work(context: int, batch: int = 1, kv: str = "fp16") -> Workload:
    return Workload(context, batch, number_format(kv), 2)


def test_a_step_reads_the_weights_once_and_each_cache() -> None:
    one, eight = (of_step(what(), work(4096), batch) for batch in (1, 8))
    assert one.bytes == pytest.approx(READ + 4096 * CACHED, rel=1e-3)
    assert eight.bytes - one.bytes == pytest.approx(7 * 4096 * CACHED)
    assert eight.flops == pytest.approx(8 * one.flops)
    assert one.flops == pytest.approx(READ + 4 * 32 * 4096 * 4096, rel=1e-3)
    assert one.per_byte == pytest.approx(one.flops / one.bytes)


def test_a_narrower_cache_is_read_in_fewer_bytes() -> None:
    whole, half, mixed = (
        step_load(what(), work(4096)._replace(kv=number_format(kv), kv_v=number_format(v))).cache_bytes
        for kv, v in (("fp16", "fp16"), ("q8_0", "q8_0"), ("fp16", "q8_0"))
    )
    assert whole == 4096 * CACHED
    assert half == whole * 34 / 64
    assert mixed == (whole + half) / 2


def test_a_state_is_read_of_each_sequence() -> None:
    one, two = (of_step(what("mamba-1.4b"), work(4096), batch).bytes for batch in (1, 2))
    load_ = step_load(what("mamba-1.4b"), work(4096))
    assert load_.cache_bytes == 0
    assert load_.state_bytes > 0
    assert two - one == pytest.approx(load_.state_bytes)


def test_a_prompt_passes_the_weights_as_often_as_it_has_chunks() -> None:
    for tokens, chunk, times in ((512, 512, 1), (513, 512, 2), (2048, 512, 4), (100, 512, 1)):
        found = of_prompt(what(), work(tokens), chunk)
        assert found.bytes == pytest.approx(times * READ, rel=1e-3)
        assert found.flops == sum(prompt_load(what(), work(tokens)))
        assert found.flops == pytest.approx(tokens * READ, rel=0.05)


def test_a_roof_is_that_of_the_datasheet() -> None:
    card = entry("h100")
    alone, apart, together = (
        roof_of(device_set(name), shares) for name, shares in (("h100", True), ("2x h100", False), ("2x h100", True))
    )
    assert alone is not None
    assert alone == apart
    assert together is not None
    assert card.bandwidth_gb_s
    assert alone.bytes == card.bandwidth_gb_s * 1e9
    assert alone.flops == pytest.approx((card.fp16_tflops or 0) * 1e12)
    assert together == Roof(2 * alone.bytes, 2 * alone.flops)


@pytest.mark.parametrize("name", ["24GiB", "rtx4090 + rtx3060-12gb", "2x 24GiB"])
def test_what_no_datasheet_says_has_no_roof(name: str) -> None:
    assert roof_of(device_set(name), True) is None


def test_below_the_ridge_bytes_take_the_time_and_above_it_flops() -> None:
    roof = Roof(100.0, 700.0)
    assert roof.ridge == 7
    assert [roof.at(each) for each in (1, 6, 7, 8, 1000)] == [100, 600, 700, 700, 700]
    assert Intensity(12.0, 3.0).per_byte == 4
