"""The start-up log of LMDeploy's TurboMind engine, of every rank the same lines.

Source: ``[BlockManager]`` in src/turbomind/models/llama/BlockManager.cc (to 0.14), "Object cache budget" in
src/turbomind/turbomind.cc (from 0.15 on), "truncated to" in models/llama/LlamaBatch.cc and engine/engine.cc,
"cache out of memory" there too; the engine's settings as ``TurbomindEngineConfig(…)`` (lmdeploy/messages.py), as the
``[llama]`` section or JSON of older releases (lmdeploy/turbomind/turbomind.py), or as the flags of the command.
It names no card and says no bytes of weights, nor how much it wanted where CUDA gave none.
"""

from __future__ import annotations

import re
from typing import Any

from llmscale.runtimes.lmdeploy.blocks import BLOCK
from llmscale.runtimes.logged import Logged, Term, Trouble, last, number, term, whole
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS

_OWN = r"\[TM\]\[|TurbomindEngineConfig|\blmdeploy\b"
#: What its settings call each option, and ours.
_OPTIONS = {"tp": "tp", "max_batch_size": "max_batch_size", "max_prefill_token_num": "max_prefill_token_num"}
#: Formats of a checkpoint by the quant that they are.
_FORMATS = {"awq": "awq", "gptq": "gptq-int4-g128", "fp8": "fp8-block", "mxfp4": "mxfp4"}
_DTYPES = {"bfloat16": "bf16", "bf16": "bf16", "float16": "fp16", "fp16": "fp16"}
_KV = {"8": "int8", "4": "int4"}
#: Where the cache is made.
_CACHE = r"\[BlockManager\] max_block_count|Object cache budget"


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not TurboMind's."""
    if not re.search(_OWN, text):
        return None
    blocks = _blocks(text)
    terms, trouble = blocks or _budget(text), _trouble(text)
    if not terms and trouble is None:
        return None
    count = number(r"\[BlockManager\] max_block_count = (\d+)", text)
    each = whole(_said("cache_block_seq_len", text)) or BLOCK
    return Logged(
        runtime="lmdeploy",
        models=_models(text),
        quant=_FORMATS.get(_said("model_format", text)) or _DTYPES.get(_dtype(text), ""),
        context=number(r"truncated to (\d+)", text) or whole(_said("session_len", text)),
        kv=_KV.get(_said("quant_policy", text), ""),
        options=_options(text),
        terms=terms,
        tokens=count * each if blocks and count else None,
        trouble=trouble,
    )


def _blocks(text: str) -> tuple[Term, ...]:
    """All blocks of a rank, up to the last printed digit of one."""
    each = last(r"\[BlockManager\] block_size = (\d+(?:\.\d+)?) (MB)", text)
    count = number(r"\[BlockManager\] max_block_count = (\d+)", text)
    if not each or not count:
        return ()
    one = term(CACHE, 0, each[1], each[2])
    return (one._replace(bytes=one.bytes * count, step=one.step * count),)


def _budget(text: str) -> tuple[Term, ...]:
    found = last(r"Object cache budget: (\d+(?:\.\d+)?) (MB)", text)
    return (term(CACHE, 0, found[1], found[2]),) if found else ()


def _said(name: str, text: str) -> str:
    """What the settings or a command say of an option."""
    found = last(rf"['\"]?\b{name}['\"]? ?[=:] ?['\"]?([\w.\-/]+)", text)
    found = found or last(rf"--{name.replace('_', '-')}[= ]+['\"]?([\w.\-/]+)", text)
    return found[1] if found and found[1] not in ("None", "auto") else ""


def _dtype(text: str) -> str:
    return _said("weight_type", text) or _said("dtype", text)


def _models(text: str) -> tuple[str, ...]:
    """The repository, which is the end of a path; the whole of it where it is none."""
    found = last(r"\blmdeploy (?:serve api_server|chat(?: turbomind)?) +([^\s\\-][^\s\\]*)", text)
    found = found or last(r"['\"]?\bmodel_path['\"]? ?[=:] ?['\"]([^'\"\s]+)", text)
    parts = [part for part in found[1].split("/") if part.strip(".")] if found else []
    return tuple(dict.fromkeys(("/".join(parts[-2:]), parts[-1]))) if parts else ()


def _options(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {ours: whole(_said(name, text)) for name, ours in _OPTIONS.items()}
    found["tp"] = found["tp"] or whole(_said("tensor_para_size", text))
    ratio = last(r"Object cache budget: .{0,80} and ratio (0?\.\d+)", text)
    share = ratio[1] if ratio else _said("cache_max_entry_count", text)
    if re.fullmatch(r"0?\.\d+", share):
        found["cache_max_entry_count"] = float(share)
    return {name: value for name, value in found.items() if value and (name, value) != ("tp", 1)}


def _trouble(text: str) -> Trouble | None:
    if re.search(r"cache out of memory, no request can be admitted|No enough blocks\.", text):
        return Trouble(CACHE)
    failed = last(r"CUDA runtime error: out of memory", text)
    if failed is None:
        return None
    return Trouble(COMPUTE if re.search(_CACHE, text[: failed.start()]) else WEIGHTS)
