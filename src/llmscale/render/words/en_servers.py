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
    "tensorrt_llm_range": lambda v: (
        "What TensorRT-LLM takes besides weights and a step is fitted to starts on H100 and GB300: "
        f"{format_gib(v['counted'])} GiB are counted, {format_gib(v['least'])} to {format_gib(v['most'])} possible; "
        "--explain says what the cache then holds."
    ),
    "page_cache_counts": lambda v: (
        f"{v['runtime']} counts as taken what loading left in the page cache of memory that the processor shares: the "
        "cache may be much smaller. Drop the page cache before the start."
    ),
    "about_tensorrt_llm": "tensorrt-llm: the PyTorch backend (trtllm-serve). Of what the peak of a step of "
    "--max_num_tokens leaves, --kv_cache_free_gpu_memory_fraction (0.9) is KV cache; the rest is not usable. Every "
    "layer keeps the whole context, whatever its window. A ModelOpt checkpoint that names an FP8 cache has "
    "one: --kv-dtype fp8.",
    "layer_beyond_rest": lambda v: (
        f"The experts of one layer take {format_gib(v['layer'])} GiB of each device for a prompt beyond the threshold, "
        f"and SGLang leaves {format_gib(v['rest'])} GiB: it may fail. A smaller --mem-fraction-static helps."
    ),
    "about_ktransformers": "ktransformers: SGLang's devices with --kt-num-gpu-experts (1) of each layer's experts; all "
    "experts lie in RAM as --kt-method has them, by itself as the checkpoint does.",
}
