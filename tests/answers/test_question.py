"""What a user may say of a question: what can be meant is read, what cannot is refused with what can."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
from llmscale.answers.question import named_ram
from llmscale.errors import NotFoundError, UsageError


@pytest.mark.parametrize(("context", "batch"), [(0, 1), (-1, 1), (1 << 31, 1), (1, 0), (1, -1), (1, 1 << 30)])
def test_a_workload_that_cannot_be_meant(context: int, batch: int) -> None:
    with pytest.raises(UsageError, match="not possible"):
        estimate("7B", context=context, batch=batch)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tp": 2}, "--tp is an option of vllm"),
        ({"ubatch": 0}, "--ubatch 0 is not possible"),
        ({"n_cpu_moe": -1}, "--n-cpu-moe -1 is not possible"),
        ({"gpu_memory_utilization": 1.5}, "--gpu-memory-utilization 1.5 is not possible"),
        ({"gpu_layers": "most"}, "'most' is not a number of layers"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090"], options=options)


@pytest.mark.parametrize("kv", ["k=q8_0", "k=q8_0,v=", "a=1,b=2", "k=q4_k,v=fp16"])
def test_a_cache_type_that_cannot_be_meant_is_refused(kv: str) -> None:
    with pytest.raises((UsageError, NotFoundError)):
        estimate("llama-3.1-8b", ["q4_k_m"], kv_dtype=kv)


def test_how_fast_the_ram_is_is_measured_of_this_processor_alone_and_where_nobody_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llmscale.devices.detect.ram_speed.ram_bandwidth", lambda: 7 * 10**9)
    assert named_ram(["cpu"], None) == {"ram_bandwidth": 7 * 10**9}
    assert named_ram(["cpu"], {"ubatch": 64}, "llama.cpp") == {"ubatch": 64, "ram_bandwidth": 7 * 10**9}
    assert named_ram(["cpu"], {"ram_bandwidth": 5 * 10**9}) == {"ram_bandwidth": 5 * 10**9}
    assert named_ram(["cpu"], None, "vllm") == {}
    assert named_ram(["cpu"], {"ram": 64 * 2**30}) == {"ram": 64 * 2**30}
    assert named_ram(["rtx4090"], None) == {}


def test_ram_beside_a_device_is_that_option() -> None:
    assert named_ram(["rtx3060 + 32GB ram"], None) == {"ram": 32 * 2**30}
    assert named_ram(["rtx3060 + 32GB ram"], {"ram": 2**30}) == {"ram": 2**30}
    assert named_ram(["rtx3060 + 32GB ram", "rtx4090 + 64GB ram"], None) == {"ram": 64 * 2**30}
