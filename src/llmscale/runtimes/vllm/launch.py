"""What to type: the ``vllm serve`` line (vllm/engine/arg_utils.py, vllm/config/cache.py, 0.33.0).

A model is named as its publisher's repository where the catalogue knows one and vLLM reads that; else by a folder
called after model and format, which stands for the one that the user has.
"""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.parallel.published import PLAIN, checkpoint
from llmscale.runtimes.subject import Exact

#: Its name of a cache format that is not the activations' own.
CACHE = {"fp8": "fp8", "fp16": "float16", "bf16": "bfloat16"}


#: Flags that are handed on as they are.
PLAIN_OPTIONS = (
    ("--max-num-seqs", "max_num_seqs"),
    ("--max-num-batched-tokens", "max_num_batched_tokens"),
    ("--kv-cache-memory-bytes", "kv_cache_memory_bytes"),
    ("--cpu-offload-gb", "cpu_offload_gb"),
    ("--block-size", "block_size"),
    ("--max-loras", "max_loras"),
    ("--max-lora-rank", "max_lora_rank"),
    ("--speculative-config", "speculative_config"),
)


def vllm_serve(subject: Exact, work: Workload, called: ModelName) -> str | None:
    """The line for a settled workload; None for a cache that vLLM does not keep."""
    quant = subject.quant.id
    cache = _cache(quant, work)
    if cache is None or subject.quant.kind == "gguf":
        return None
    name, how = checkpoint(called, quant)
    words: list[str | int] = ["vllm", "serve", name, "--max-model-len", work.context, *how, *cache]
    for flag, option in (
        ("--tensor-parallel-size", "tp"),
        ("--pipeline-parallel-size", "pp"),
        ("--data-parallel-size", "dp"),
    ):
        ranks = work.option(option) or 1
        words += [flag, ranks] if ranks > 1 else []
    words += ["--enable-expert-parallel"] if work.option("ep") else []
    share = work.option("gpu_memory_utilization")
    words += ["--gpu-memory-utilization", f"{share:g}"] if share is not None else []
    for flag, option in PLAIN_OPTIONS:
        words += [flag, work.option(option)] if work.option(option) else []
    if (prefixes := work.option("prefix_caching")) is not None:
        words += ["--enable-prefix-caching" if prefixes else "--no-enable-prefix-caching"]
    words += ["--enable-lora"] if work.option("enable_lora") else []
    words += ["--enforce-eager"] if work.option("enforce_eager") else []
    return shlex.join(map(str, words))


def _cache(quant: str, work: Workload) -> list[str] | None:
    """How it is told what to keep the cache in, which is the activations' format unless it is told."""
    form = work.kv.id
    if work.value_format != work.kv:
        return None
    if form == "fp32":
        return [] if quant == "fp32" else None
    if form in PLAIN and quant != "fp32":
        return []
    return ["--kv-cache-dtype", CACHE[form]] if form in CACHE else None
