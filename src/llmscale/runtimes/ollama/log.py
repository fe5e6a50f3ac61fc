"""Ollama's log: its own sums of what a model takes, around the lines of the runner that it starts.

Source: github.com/ollama/ollama llm/server.go, fs/ggml and ml/device.go ("model weights", "kv cache", "compute graph"),
server/sched.go ("gpu memory"), llm/memory.go ("offload to cuda": ``memory.required.kv`` and others, until 2025).
"""

from __future__ import annotations

import re
from typing import Any

from llmscale.runtimes.llama_cpp import log as engine
from llmscale.runtimes.logged import SIZE, Logged, LoggedDevice, Term, last, number, size, term
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS

_SUMS = {"model weights": WEIGHTS, "kv cache": CACHE, "compute graph": COMPUTE}
_SUM = re.compile(rf'msg="({"|".join(_SUMS)})" (?:device|buffer|backend)=(\S+)(?: buffer_type=\S+)? size="?{SIZE}')


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not Ollama's."""
    if not re.search(r'level=\w+ source=\w+\.go|ollama(?:\[\d+\])?: |"total memory" size', text):
        return None
    inner = engine.read(text)
    # The runner's own lines, of two decimals of a MiB, where it printed them.
    exact = inner.terms if inner else ()
    terms = (*exact, *(one for one in _sums(text) if one.kind not in {found.kind for found in exact}))
    if not terms and (inner is None or inner.trouble is None):
        return None
    known = inner or Logged("ollama")
    return known._replace(
        runtime="ollama",
        release=_version(text),
        models=known.models or engine.models(text),
        quant=known.quant or engine.quant(text) or _file_type(text),
        context=number(r"KvSize:(\d+)", text) or number(r"--ctx-size (\d+)", text) or known.context,
        batch=number(r"Parallel:(\d+)", text) or number(r"--parallel (\d+)", text) or known.batch,
        kv=_kv(text) or known.kv,
        options={**known.options, **_options(text)},
        cards=_cards(text) or known.cards,
        terms=terms,
    )


def _sums(text: str) -> tuple[Term, ...]:
    """The last sum of each kind on each device; earlier ones are tries."""
    found: dict[tuple[str, str], Term] = {}
    for m in _SUM.finditer(text):
        found[m[1], m[2]] = term(_SUMS[m[1]], engine.device_of(m[2]), m[3], m[4])
    return tuple(one for one in found.values() if one.bytes)


def _version(text: str) -> str:
    found = last(r"\(version (\d[\w.\-]*)\)", text)
    return found[1] if found else ""


def _file_type(text: str) -> str:
    found = last(r"file_type=(\w+)", text)
    return found[1].lower() if found else ""


def _kv(text: str) -> str:
    found = last(r"KvCacheType:(\w+)", text)
    return found[1] if found and found[1] != "f16" else ""


def _options(text: str) -> dict[str, Any]:
    layers = last(r"offloaded (\d+)/(\d+) layers", text)
    flash = last(r"FlashAttention:(\w+)", text)
    found: dict[str, Any] = {"ubatch": number(r"BatchSize:(\d+)", text)}
    if layers and layers[1] != layers[2]:
        found["gpu_layers"] = layers[1]
    if flash and flash[1].lower() in ("true", "enabled", "false", "disabled"):
        found["flash_attn"] = flash[1].lower() in ("true", "enabled")
    return {name: value for name, value in found.items() if value is not None}


def _cards(text: str) -> tuple[LoggedDevice, ...]:
    pattern = (
        rf'msg="inference compute" .{{0,600}}description="?([^"\n]+?)"? (?:libdirs|driver)=.{{0,600}}?total="{SIZE}"'
    )
    listed = re.finditer(pattern, text)
    found = {m[0].partition("id=")[2].split()[0]: LoggedDevice(m[1], size(m[2], m[3]), True) for m in listed}
    return tuple(found.values())
