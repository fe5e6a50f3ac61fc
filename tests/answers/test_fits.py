"""``fits``: which models a device takes, each in the quant that loses least."""

from __future__ import annotations

import pytest

from llmscale import estimate, fits
from llmscale.answers.fits import MOST_ROWS
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.errors import LlmscaleError
from llmscale.units import GIB

PLAIN = ("fp32", "fp16", "int8", "int4")


@pytest.mark.parametrize(
    ("quants", "expected"),
    [
        (PLAIN, {"llama-2-7b": "fp16", "llama-2-13b": "int8", "llama-2-70b": "int4", "7B": "fp16"}),
        ((), {"llama-2-7b": "f16", "llama-2-13b": "q8_0", "llama-2-70b": "iq2_m", "vit-base": "fp16"}),
    ],
)
def test_fits_gives_the_quant_that_loses_least(quants: tuple[str, ...], expected: dict[str, str]) -> None:
    answer = fits("rtx4090", list(expected), quants=quants)
    assert isinstance(answer, FitsResult)
    assert {line.id: line.quant for line in answer.models} == expected
    assert {line.id for line in answer.models if not line.fits} == ({"llama-2-70b"} if quants else set())
    for line in answer.models:
        (same,) = estimate(line.id, [line.quant], gpus=["rtx4090"]).estimates
        (device,) = same.devices
        assert line.fits == device.fits
        assert line.max_context == (device.max_context if device.fits else None)
        assert (line.used_bytes, line.free_bytes) == (device.used_bytes, device.free_bytes)
        assert line.total_bytes == line.used_bytes + line.host_bytes == same.total_bytes
        assert (line.missing_bytes == 0) == line.fits
        assert line.context == (197 if line.id == "vit-base" else 4096)


def test_fits_counts_the_overhead_of_each_device() -> None:
    answer = fits("4x 24GiB", ["llama-2-70b"])
    assert isinstance(answer, FitsResult)
    (line,) = answer.models
    (same,) = estimate("llama-2-70b", [line.quant], gpus=["4x 24GiB"]).estimates
    (device,) = same.devices
    overheads = [one.parts["overhead"] for one in device.per_device]
    assert len(overheads) == 4
    assert min(overheads) > 0
    assert line.used_bytes == device.used_bytes == sum(sum(one.parts.values()) for one in device.per_device)
    assert line.used_bytes < line.total_bytes, "the table of tokens stays in RAM"
    assert answer.device.memory_bytes - answer.device.usable_bytes == answer.device.reserve_bytes == 2 * GIB


def test_fits_shows_the_largest_that_fit_and_says_how_many_it_leaves_out() -> None:
    answer = fits("rtx3060-12gb")
    assert isinstance(answer, FitsResult)
    assert len(answer.models) == MOST_ROWS
    assert all(line.fits for line in answer.models)
    sizes = [line.parameters for line in answer.models]
    assert sizes == sorted(sizes, reverse=True)
    everything = fits("rtx3060-12gb", everything=True)
    assert isinstance(everything, FitsResult)
    assert everything.models[:MOST_ROWS] == answer.models
    flags = [line.fits for line in everything.models]
    assert flags == sorted(flags, reverse=True)
    missing = [line.missing_bytes for line in everything.models if not line.fits]
    assert missing == sorted(missing)
    assert missing
    assert everything.hidden == 0 < answer.hidden


def test_fits_shows_what_just_misses_where_nothing_fits() -> None:
    answer = fits("1GiB", quants=["fp32"])
    assert isinstance(answer, FitsResult)
    missing = [line.missing_bytes for line in answer.models]
    assert len(missing) == MOST_ROWS
    assert missing == sorted(missing)
    assert 0 < min(missing) <= max(missing) <= answer.device.usable_bytes // 2
    assert not any(line.fits for line in answer.models)


def test_fits_without_a_device_is_the_consumer_range() -> None:
    answer = fits(models=["7B", "70B"], quants=["int4"])
    assert isinstance(answer, FitsOverview)
    assert [one.device.memory_bytes // GIB for one in answer.devices] == [12, 16, 24]
    assert [[line.fits for line in one.models] for one in answer.devices] == [[True, False]] * 3


def test_fits_with_no_formats_is_refused_or_takes_the_usual_ones() -> None:
    try:
        answer = fits("rtx4090", ["gpt2"], quants=[])
    except LlmscaleError:
        return
    assert answer == fits("rtx4090", ["gpt2"])
