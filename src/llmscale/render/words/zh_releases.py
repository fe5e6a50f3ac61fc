"""Chinese sentences of what releases and backends of runtimes forbid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib

WHAT = {"weights": "权重", "cache": "KV 缓存", "scores": "注意力分数"}


def _one_allocation(v: dict[str, Any]) -> str:
    most, size = format_gib(v["most"]), format_gib(v["size"])
    if v["what"] == "compute":
        return f"Vulkan 单次最多分配 {most} GiB,而 2025 年秋以前的版本只有一个计算缓冲区:{size} GiB。"
    return f"Vulkan 单次最多分配 {most} GiB,而最大的张量({WHAT[v['what']]})需要 {size} GiB。"


def _perhaps_one_allocation(v: dict[str, Any]) -> str:
    return f"{_one_allocation(v)}用 --backend rocm 或 sycl 则可载入。"


SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "one_allocation": _one_allocation,
    "perhaps_one_allocation": _perhaps_one_allocation,
    "engine_before_v1": "vLLM {release} 早于已建模的引擎:只知道它按多大的步长读入提示,因此实际能容纳的可能更少。",
}
