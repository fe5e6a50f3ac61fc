"""The start-up log of TensorRT-LLM's PyTorch backend, of every rank the same lines.

Source: ``tensorrt_llm/_torch/pyexecutor/_util.py`` ("Peak memory during memory usage profiling", "Memory dynamically
allocated"), ``resource_manager.py`` and ``cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp`` ("[MemUsageChange]
Allocated", once for the cache of the profile and once for the other), ``model_engine.py`` ("Use … GB for model
weights", "max_seq_len="), PyTorch's line on memory that was not to be had. Its GB are of 2^30 bytes.
"""

from __future__ import annotations

import re
from typing import Any

from llmscale.runtimes.logged import SIZE, Logged, LoggedDevice, Trouble, figures, last, number, size, whole
from llmscale.runtimes.out_of_memory import lacking
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, WEIGHTS

_OWN = r"\[TRT-LLM\]|\[TensorRT-LLM\]|\btrtllm-(?:serve|bench|llmapi-launch)\b"
#: Figures that stand once for each rank, the surer line first.
_FIGURES = (
    (
        WEIGHTS,
        (rf"(?:Use|uses) {SIZE} for model weights", rf"after loading model weights \(inside torch\).{{0,40}}: {SIZE}"),
    ),
    (CACHE, (rf"\[MemUsageChange\] Allocated {SIZE} for max tokens in paged KV cache",)),
    (COMPUTE, (rf"Memory dynamically allocated during inference \(inside torch\).{{0,40}}: {SIZE}",)),
    (OVERHEAD, (rf"Memory used outside torch \(e\.g\., NCCL and CUDA graphs\).{{0,40}}: {SIZE}",)),
)
#: What its arguments call each option, and ours.
_OPTIONS = {
    "tp_size": "tp",
    "tensor_parallel_size": "tp",
    "pp_size": "pp",
    "pipeline_parallel_size": "pp",
    "ep_size": "ep_size",
    "moe_expert_parallel_size": "ep_size",
    "max_batch_size": "max_batch_size",
    "max_num_tokens": "max_num_tokens",
}
#: Options of which one is the same as none.
_RANKS = ("tp", "pp", "ep_size")
_KV = {"fp8": "fp8", "nvfp4": "nvfp4"}
#: Where the cache is the one that it serves with.
_SERVING = r"Estimated max memory in KV cache|Peak memory during memory usage profiling"


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not TensorRT-LLM's."""
    if not re.search(_OWN, text):
        return None
    terms, trouble = figures(_FIGURES, text), _trouble(text)
    if not terms and trouble is None:
        return None
    ranks = (whole(_said("tp_size", text)) or whole(_said("tensor_parallel_size", text)) or 1) * (
        whole(_said("pp_size", text)) or whole(_said("pipeline_parallel_size", text)) or 1
    )
    return Logged(
        runtime="tensorrt-llm",
        release=_release(text),
        models=_models(text),
        context=number(r"\bmax_seq_len=(\d+), max_num_requests=", text) or whole(_said("max_seq_len", text)),
        kv=_KV.get(_said("kv_cache_dtype", text), ""),
        options=_options(text),
        cards=_cards(text, ranks),
        terms=terms,
        tokens=number(r"max tokens in paged KV cache \((\d+)\)", text),
        trouble=trouble,
    )


def _said(name: str, text: str) -> str:
    """What its settings or a command say of an option."""
    found = last(rf"--{name}[= ]+['\"]?([\w.\-/]+)", text) or last(
        rf"['\"]?\b{name}['\"]?[=:] ?['\"]?([\w.\-/]+)", text
    )
    return found[1] if found and found[1] not in ("None", "auto") else ""


def _release(text: str) -> str:
    found = last(r"TensorRT[- ]LLM version: v?(\d+\.\d+[\w.]*)", text)
    return found[1] if found else ""


def _models(text: str) -> tuple[str, ...]:
    """The repository, which is the end of a path."""
    found = last(r"\btrtllm-serve(?: serve)? +(?!for )['\"]?([^\s\\'\"-][^\s\\'\"]*)", text)
    found = found or last(r"Starting trtllm-serve for model (\S+)", text)
    found = found or last(r"models--([\w.\-]+--[\w.\-]+)/snapshots", text)
    if not found:
        return ()
    parts = [part for part in found[1].replace("--", "/").split("/") if part.strip(".")]
    return tuple(dict.fromkeys(("/".join(parts[-2:]), parts[-1])))


def _options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, ours in _OPTIONS.items():
        found[ours] = found.get(ours) or whole(_said(name, text))
    share = last(r"fraction is set (0?\.\d+)", text)
    said = share[1] if share else _said("free_gpu_memory_fraction", text)
    if re.fullmatch(r"0?\.\d+", said):
        # Four places: 0.9 is logged as the nearest FP32 number.
        found["free_gpu_memory_fraction"] = round(float(said), 4)
    return {name: value for name, value in found.items() if value and not (name in _RANKS and value == 1)}


def _cards(text: str, count: int) -> tuple[LoggedDevice, ...]:
    """Each rank's device, of which its memory alone is told."""
    total = last(rf"device total memory {SIZE}", text)
    lack = lacking(text)
    memory = size(total[1], total[2]) if total else lack[0].whole if lack else None
    return (LoggedDevice("", memory, True),) * count if memory is not None else ()


def _trouble(text: str) -> Trouble | None:
    if re.search(r"Impossibl?e to fit in any sequence in kvCache", text):
        return Trouble(CACHE)
    failed = lacking(text)
    if failed is None:
        return None
    lack, at = failed
    loaded = re.search(rf"Model init total|{_SERVING}", text[:at]) is not None
    return lack._replace(kind=COMPUTE if loaded else WEIGHTS)
