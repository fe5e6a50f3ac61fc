"""English sentences of what releases and backends of runtimes forbid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib


def _one_allocation(v: dict[str, Any]) -> str:
    most, size = format_gib(v["most"]), format_gib(v["size"])
    if v["what"] == "compute":
        return (
            f"Vulkan allocates no more than {most} GiB at once, and builds before the autumn of 2025 had one compute "
            f"buffer: {size} GiB."
        )
    return f"Vulkan allocates no more than {most} GiB at once, and the largest tensor ({v['what']}) takes {size} GiB."


def _perhaps_one_allocation(v: dict[str, Any]) -> str:
    return f"{_one_allocation(v)} With --backend rocm or sycl it loads."


SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "one_allocation": _one_allocation,
    "perhaps_one_allocation": _perhaps_one_allocation,
    "engine_before_v1": "vLLM {release} is older than the engine that is modelled: of its own only the steps in which "
    "it reads prompts are known, so it may hold less.",
}
