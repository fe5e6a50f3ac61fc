"""What a user may say of a question: what can be meant is read, what cannot is refused with what can."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate
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
