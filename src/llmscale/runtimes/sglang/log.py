"""SGLang's start-up log, of every rank the same lines.

Source: sglang/srt/model_executor/model_runner.py ("Load weight begin", "Load weight end", "Memory pool end", "Capture
cuda graph end"), sglang/srt/mem_cache/memory_pool.py ("KV Cache is allocated", "Mamba Cache is allocated"),
sglang/srt/managers/scheduler.py ("max_total_num_tokens"), and ``server_args=ServerArgs(…)``.
"""

from __future__ import annotations

import re
from typing import Any

from llmscale.runtimes.logged import SIZE, Logged, LoggedDevice, Term, Trouble, last, number, size, term, whole
from llmscale.runtimes.out_of_memory import lacking
from llmscale.runtimes.placed import CACHE, STATE, WEIGHTS
from llmscale.runtimes.sglang.startup import SglangSettings, outside
from llmscale.units import GIB

_OPTIONS = {
    "tp_size": "tp",
    "chunked_prefill_size": "chunked_prefill_size",
    "max_running_requests": "max_running_requests",
}
_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not SGLang's."""
    if not re.search(r"server_args=ServerArgs|sglang|Load weight (?:begin|end)", text):
        return None
    terms, trouble = _terms(text), _trouble(text)
    if not terms and trouble is None:
        return None
    return Logged(
        runtime="sglang",
        models=_models(text),
        quant=_quant(text),
        context=number(r"context_len=(\d+)", text) or whole(_said("context_length", text)),
        kv="fp8" if "fp8" in _said("kv_cache_dtype", text) else "",
        options=_options(text),
        cards=_cards(text),
        terms=terms,
        tokens=number(r"max_total_num_tokens=(\d+)", text) or number(r"#tokens: (\d+)", text),
        trouble=trouble,
    )


def _terms(text: str) -> tuple[Term, ...]:
    """Of one rank. Older releases do not say what the weights took, only what was free before and after."""
    found: list[Term] = []
    if took := last(rf"Load weight end\..{{0,600}}mem usage={SIZE}", text):
        found.append(term(WEIGHTS, 0, took[1], took[2]))
    else:
        before = last(rf"Load weight begin\. avail mem={SIZE}", text)
        after = last(rf"Load weight end\..{{0,600}}avail mem={SIZE}", text)
        if before and after:
            left = term(WEIGHTS, 0, after[1], after[2])
            found.append(left._replace(bytes=size(before[1], before[2]) - left.bytes, step=2 * left.step))
    found += [*_caches(text), *_states(text)]
    return tuple(one for one in found if one.bytes > 0)


def _caches(text: str) -> list[Term]:
    pair = last(rf"KV Cache is allocated\..{{0,600}}K size: {SIZE}, V size: {SIZE}", text)
    if pair:
        key, value = term(CACHE, 0, pair[1], pair[2]), term(CACHE, 0, pair[3], pair[4])
        return [key._replace(bytes=key.bytes + value.bytes, step=key.step + value.step)]
    whole = last(rf"KV Cache is allocated\..{{0,600}}KV size: {SIZE}", text)
    return [term(CACHE, 0, whole[1], whole[2])] if whole else []


def _states(text: str) -> list[Term]:
    pair = last(rf"Mamba Cache is allocated\..{{0,600}}conv_state size: {SIZE}, ssm_state size: {SIZE}", text)
    if not pair:
        return []
    first, second = term(STATE, 0, pair[1], pair[2]), term(STATE, 0, pair[3], pair[4])
    return [first._replace(bytes=first.bytes + second.bytes, step=first.step + second.step)]


def _said(name: str, text: str) -> str:
    found = last(rf"\b{name}='?([\w.\-/]+)", text)
    found = found or last(rf"--{name.replace('_', '-')}[= ]+([\w.\-/]+)", text)
    return found[1] if found and found[1] not in ("None", "auto") else ""


def _models(text: str) -> tuple[str, ...]:
    """The repository, which is the end of a path; the whole of it where it is none."""
    said = _said("served_model_name", text) or _said("model_path", text) or _said("model", text)
    parts = [part for part in said.split("/") if part]
    names = ("/".join(parts[-2:]), parts[-1]) if parts else ()
    return tuple(dict.fromkeys(names))


def _quant(text: str) -> str:
    said = _said("quantization", text)
    if said:
        return said if said in ("awq", "fp8", "mxfp4") else ""
    found = last(r"Load weight end\..{0,600}dtype=torch\.(\w+)", text)
    return _DTYPES.get(found[1], "") if found else ""


def _options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {ours: value for name, ours in _OPTIONS.items() if (value := whole(_said(name, text)))}
    share = _said("mem_fraction_static", text)
    if re.fullmatch(r"0?\.\d+", share):
        found["mem_fraction_static"] = float(share)
    return {name: value for name, value in found.items() if (name, value) != ("tp", 1)}


def _cards(text: str) -> tuple[LoggedDevice, ...]:
    """As many devices as ranks, of each what was free before anything was loaded."""
    count = whole(_said("tp_size", text)) or number(r"--tensor-parallel-size (\d+)", text) or 1
    named = last(r"device_name=([\w\-.]+?)(?:,|\.json)", text)
    free = last(r"Load weight begin\. avail mem=(\d+\.\d+) GB", text)
    if not named and not free:
        return ()
    # What the ranks have taken before they say what is free.
    memory = round(float(free[1]) * GIB) + outside(SglangSettings(0, count)) if free else None
    return (LoggedDevice(named[1].replace("_", " ") if named else "", memory, is_total=True),) * count


def _trouble(text: str) -> Trouble | None:
    if "Not enough memory. Please try to increase --mem-fraction-static" in text:
        return Trouble(CACHE)
    failed = lacking(text)
    if failed is None:
        return None
    lack, at = failed
    return lack._replace(kind=CACHE if "Load weight end" in text[:at] else WEIGHTS)
