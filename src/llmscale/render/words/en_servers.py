"""English sentences of what servers hold and leave, where it is a range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib

SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "cache_in_fp8": "{runtime} keeps the cache of {model} in FP8, whatever --kv-dtype says; what a step takes besides "
    "was measured by nobody.",
    "system_takes": lambda v: (
        f"{v['device']} shares its memory with the system, which took "
        f"{format_gib(v['low'])} to {format_gib(v['high'])} GiB of it besides in measured starts: the cache "
        + (
            f"holds {v['fewest']:,} to {v['most']:,} tokens."
            if v["most"] is not None
            else "is smaller or larger by as much."
        )
    ),
    "device_map_auto": lambda v: (
        'device_map="auto" goes by the weights and by what is free at loading alone: '
        f"{' + '.join(format_gib(each) for each in v['weights'])} GiB of them here; max_memory lowers a device's."
    ),
    "lmdeploy_range": lambda v: (
        "What LMDeploy takes besides weights is known of two starts alone: "
        f"{format_gib(v['counted'])} GiB are counted, {format_gib(v['least'])} to {format_gib(v['most'])} possible; "
        "--explain says what the cache then holds."
    ),
    "perhaps_fewer_requests": lambda v: (
        "The cache may not hold one request of that context whole."
        if v["least"] < 1
        else f"Perhaps only {v['least']:,.1f} requests of that context run at once, and {v['asked']:,} are asked for."
    ),
    "step_beyond_rest": lambda v: (
        f"A step of {v['tokens']:,} tokens takes ~{format_gib(v['step'])} GiB, and the cache leaves about "
        f"{format_gib(v['rest'])}: it may fail. A smaller --cache-max-entry-count or --max-prefill-token-num helps."
    ),
    "about_lmdeploy": "lmdeploy: the TurboMind engine. Of what is free once the weights are loaded, "
    "--cache-max-entry-count (0.8) is KV cache; what a step computes with comes out of the rest, which is neither "
    "usable nor counted in the total.",
}
