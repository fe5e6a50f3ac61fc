"""A line of an estimate: its parts are those of the placement, and what is none of them is overhead."""

from __future__ import annotations

from typing import Any

from llmscale import estimate
from llmscale.answers.results.estimate import Estimate

#: A model with a cache, with a state, with both, with neither, with an encoder of pictures, and a size alone.
ASKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("llama-3.1-8b", "q4_k_m", {}),
    ("mamba-1.4b", "q8_0", {}),
    ("mamba-1.4b", "bf16", {}),
    ("nemotron-h-8b", "q4_k_m", {}),
    ("nemotron-h-8b", "bf16", {}),
    ("bert-base", "fp16", {}),
    ("gemma-3-4b", "q4_k_m", {"mmproj": "f16"}),
    ("llama-3.1-8b", "q4_k_m", {"draft": "llama-3.2-1b"}),
    ("7B", "int4", {}),
)


def line(model: str, quant: str, gpu: str = "80GiB", **options: Any) -> Estimate:
    (found,) = estimate(model, [quant], gpus=[gpu], options=options).estimates
    return found


def test_what_is_shown_of_a_part_is_what_lies_of_it() -> None:
    for model, quant, options in ASKED:
        found = line(model, quant, **options)
        (device,) = found.devices
        parts = device.per_device[0].parts
        lies = {key: parts.get(key, 0) for key in ("kv_cache", "state", "compute", "mmproj", "draft")}
        assert found.kv_cache_bytes >= lies["kv_cache"]
        assert found.state_bytes >= lies["state"]
        told = {
            "kv_cache": found.kv_cache_bytes,
            "state": found.state_bytes,
            "compute": found.compute_bytes,
            "mmproj": found.mmproj_bytes or 0,
            "draft": found.draft_bytes or 0,
        }
        if not device.host_bytes:
            assert told == lies, (model, quant)
        assert found.overhead_bytes == found.total_bytes - found.weights_bytes - sum(told.values()), (model, quant)
        assert found.overhead_bytes >= 0
        assert found.total_bytes == device.used_bytes + device.host_bytes


def test_each_part_says_how_it_is_known_and_what_has_ends_says_them() -> None:
    for model, quant, options in ASKED:
        found = line(model, quant, **options)
        named = {"weights", "kv_cache", "state", "compute", "overhead"}
        named |= {"file"} if found.file_bytes else set()
        named |= {key for key in ("mmproj", "draft") if options.get(key)}
        assert set(found.basis) == named, (model, quant)
        assert found.basis["overhead"] == "modelled"
        assert (found.file_bytes is not None) == (quant.startswith("q"))
        for name, (low, high) in found.ranges.items():
            assert low <= getattr(found, name) <= high
            assert low < high or name == "file_bytes"
        assert ("total_bytes" in found.ranges) == (model == "7B")
        assert (found.basis["kv_cache"] == "assumed") == (model == "7B")


def test_bits_per_weight_are_those_of_the_bytes() -> None:
    for model, quant, parameters in (("llama-2-7b", "fp16", 6_738_415_616), ("llama-2-7b", "q4_k_m", 6_738_415_616)):
        found = line(model, quant)
        assert found.bits_per_weight == 8 * found.weights_bytes / parameters
    assert line("llama-2-7b", "fp16").bits_per_weight == 16
