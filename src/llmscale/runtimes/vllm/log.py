"""vLLM's start-up log, of every rank the same lines.

Source: vllm/v1/engine/core.py ("Initializing a V1 LLM engine"), vllm/v1/worker/gpu_model_runner.py ("Model loading
took", "Graph capturing finished"), vllm/v1/worker/gpu_worker.py ("Available KV cache memory", "Free memory on
device"), vllm/v1/core/kv_cache_utils.py ("GPU KV cache size"), and vllm/worker/worker.py of V0 ("model weights take").
"""

from __future__ import annotations

import json
import re
from typing import Any

from llmscale.runtimes.logged import (
    SIZE,
    Logged,
    LoggedDevice,
    Term,
    Trouble,
    figures,
    last,
    named,
    number,
    size,
    term,
    whole,
)
from llmscale.runtimes.out_of_memory import lacking
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, WEIGHTS

_OWN = r"(?:model_runner|gpu_worker|worker|kv_cache_utils|core)\.py:\d+|vLLM|vllm"
#: Figures that stand once for each rank, the surer line first.
_FIGURES = (
    (
        WEIGHTS,
        (
            rf"[Mm]odel loading took {SIZE}",
            rf"Loading model weights took {SIZE}",
            rf"model weights take {SIZE}",
            rf"{SIZE} for weight\b",
        ),
    ),
    (CACHE, (rf"Available KV cache memory: {SIZE}", rf"reserved for KV Cache is {SIZE}")),
    (COMPUTE, (rf"{SIZE} for peak activation", rf"activation peak memory takes {SIZE}")),
    (OVERHEAD, (rf"{SIZE} for non-torch memory", rf"non_torch_memory takes {SIZE}")),
)
#: What its config calls each option, and ours.
_OPTIONS = {
    "tensor_parallel_size": "tp",
    "pipeline_parallel_size": "pp",
    "data_parallel_size": "dp",
    "max_num_seqs": "max_num_seqs",
    "max_num_batched_tokens": "max_num_batched_tokens",
}
#: Options of which one is the same as none.
_RANKS = ("tp", "pp", "dp")
#: Quantisations of its config by the quant that they are; others are in the model's name.
_QUANTS = {
    "awq": "awq",
    "awq_marlin": "awq",
    "auto_round": "autoround",
    "fp8": "fp8",
    "deepseek_v4_fp8": "fp8-fp4-experts",
    "bitsandbytes": "nf4",
    "modelopt_fp4": "nvfp4",
    "modelopt_mixed": "nvfp4-fp8",
    "mxfp4": "mxfp4",
}
_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_SAID = {"True": True, "False": False}
#: Speculation by the model's own layer, the only one that is modelled: its config, and how it was asked for.
_SPECULATES = r"SpeculativeConfig\(method='mtp'[^)]*num_spec_tokens=(\d+)"
_SPECULATES_ASKED = r"speculative_config': \{'method': 'mtp', 'num_speculative_tokens': (\d+)"
_KV = {"fp8": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8"}


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not vLLM's."""
    if not re.search(_OWN, text):
        return None
    terms, trouble = _terms(text), _trouble(text)
    tokens = number(r"GPU KV cache size: ([\d,]+) tokens", text)
    if not terms and trouble is None and tokens is None:
        return None
    ranks = whole(_said("tensor_parallel_size", text)) or 1
    return Logged(
        runtime="vllm",
        release=_release(text),
        models=_models(text),
        quant=_quant(text),
        context=whole(_said("max_seq_len", text))
        or whole(_said("max_model_len", text))
        or number(r"max model len (\d+)", text)
        or number(r"max seq len \((\d+)\)", text),
        kv=_kv(text),
        options=_options(text),
        cards=_cards(text, ranks * (whole(_said("pipeline_parallel_size", text)) or 1)),
        terms=terms,
        tokens=tokens,
        trouble=trouble,
    )


def _terms(text: str) -> tuple[Term, ...]:
    found = figures(_FIGURES, text)
    # Graphs stand beside the activations, and say nothing of both where those are not printed.
    return (*found, *_graphs(text)) if any(one.kind == COMPUTE for one in found) else found


def _graphs(text: str) -> tuple[Term, ...]:
    """What CUDA graphs are counted for where the release takes them out of the cache: beside the activations."""
    found = last(rf"{SIZE} \(estimated\)", text) or last(rf"Estimated CUDA graph memory: {SIZE}", text)
    return (term(COMPUTE, 0, found[1], found[2]),) if found else ()


def _said(name: str, text: str) -> str:
    """What the engine's config, its arguments or a command says of an option."""
    found = last(rf"['\"]?\b{name}['\"]?[=:] ?['\"]?([\w.\-/]+)", text)
    found = found or last(rf"--{name.replace('_', '-')}[= ]+['\"]?([\w.\-/]+)", text)
    return found[1] if found and found[1] not in ("None", "auto") else ""


def _release(text: str) -> str:
    found = last(r"LLM engine \(v?(\d+\.\d+[\w.]*)", text) or last(
        r"vLLM (?:API server )?version v?(\d+\.\d+[\w.]*)", text
    )
    return ".".join(found[1].split(".")[:3]) if found else ""


def _models(text: str) -> tuple[str, ...]:
    found = last(r"with config: model='([^']+)'", text) or last(r"'model(?:_tag)?': '([^']+)'", text)
    found = found or last(r"vllm serve ([^\s\\-][^\s\\]*)", text) or last(r"Starting to load model (\S+?)\.\.\.", text)
    return named(found[1]) if found else ()


def _quant(text: str) -> str:
    """The format by the config; empty where the model's name or its files tell it."""
    said = _said("quantization", text)
    return _QUANTS.get(said, "") if said else _DTYPES.get(_said("dtype", text).removeprefix("torch."), "")


def _kv(text: str) -> str:
    return _KV.get(_said("kv_cache_dtype", text), "")


def _options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {ours: value for name, ours in _OPTIONS.items() if (value := whole(_said(name, text)))}
    found["max_num_batched_tokens"] = found.get("max_num_batched_tokens") or number(
        r"max_num_batched_tokens=(\d+)", text
    )
    share = last(r"utilization is \((\d\.\d+),", text) or last(r"gpu_memory_utilization \((\d\.\d+)\)", text)
    said = share[1] if share else _said("gpu_memory_utilization", text)
    if re.fullmatch(r"\d*\.?\d+", said):
        found["gpu_memory_utilization"] = float(said)
    if _said("enforce_eager", text) == "True":
        found["enforce_eager"] = True
    if re.search(r"--enable-expert-parallel|enable_expert_parallel['\"]?[=:] ?True", text):
        found["ep"] = True
    if (prefixes := _said("enable_prefix_caching", text)) in _SAID:
        found["prefix_caching"] = _SAID[prefixes]
    speculates = last(_SPECULATES, text) or last(_SPECULATES_ASKED, text)
    if speculates:
        found["speculative_config"] = json.dumps({"method": "mtp", "num_speculative_tokens": int(speculates[1])})
    return {name: value for name, value in found.items() if value is not None and not (name in _RANKS and value == 1)}


def _cards(text: str, count: int) -> tuple[LoggedDevice, ...]:
    """Each rank's device: by the name in the path of a kernel's configuration, or its memory alone."""
    named = last(r"device_name=([\w\-.]+?)(?:,|\.json)", text)
    total = last(rf"on device(?: cuda:\d+)? \([\d.]+/{SIZE}\)", text) or last(rf"total_gpu_memory \({SIZE}\)", text)
    lack = lacking(text)
    memory = size(total[1], total[2]) if total else lack[0].whole if lack else None
    if not named and memory is None:
        return ()
    return (LoggedDevice(named[1].replace("_", " ") if named else "", memory, True),) * count


def _trouble(text: str) -> Trouble | None:
    lacks = last(rf"\(?{SIZE} KV cache is needed, which is larger than the available KV cache memory \({SIZE}", text)
    if lacks:
        fitting = last(r"the estimated maximum model length is (\d+)", text)
        longest = int(fitting[1]) if fitting else None
        return Trouble(CACHE, None, size(lacks[1], lacks[2]), size(lacks[3], lacks[4]), longest)
    if "No available memory for the cache blocks" in text:
        return Trouble(CACHE)
    failed = lacking(text)
    if failed is None:
        return None
    lack, at = failed
    loaded = any(words in text[:at] for words in ("oading took", "weights took"))
    return lack._replace(kind=COMPUTE if loaded else WEIGHTS)
