"""llama.cpp's own figures, asked as a user asks: model, context, slots, step, cache formats, flash attention, build.

Of every recorded model some of its rows of llama-server's kind, one token of logits a slot, on one device of any size.
The device is taken for CUDA's, which aligns more than the backends that were measured: that counts as error. Quantised
caches, which CUDA pads and copies and no RPC device does, are not asked.
Published logs are asked with their build, told by their date where no log says it; and with the whole cache of a
server as ``--ctx-size``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tests.helpers import MEASURED_WITH

from benchmarks.accuracy.llama_cpp import (
    LOGGED,
    ROUNDING,
    cache_mib,
    fork_of,
    logs,
    measured,
    settings,
    settings_of,
)
from benchmarks.accuracy.rows import Comparison, Row
from llmscale import estimate
from llmscale.errors import LlmscaleError
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings
from llmscale.units import MIB

CACHE = "llama.cpp KV cache, as asked"
STATE = "llama.cpp recurrent state, as asked"
COMPUTE = "llama.cpp compute buffer, as asked"
LOGS = "llama.cpp cache and compute buffer of published logs, as asked"
SOURCE = (
    "llama.cpp 0c1e57098 on an RPC device: `tests/truth/llamacpp_measured.json`, asked through the public API; of each "
    "model up to two rows with a plain cache. Bounds are of models that were not looked at while the mechanism was "
    "built, where some were."
)
LOG_SOURCE = (
    "Public logs, `tests/truth/llamacpp_gpu_logs.json`, asked with the build that they name or are dated to. What "
    "older builds did was read after these rows had been seen."
)
#: Rows that are asked of a model.
EACH = 2
#: Any of the models fits; a quant that all of them have.
DEVICE, QUANT = "8TiB", "q4_k_m"
FORMATS = {"f16": "fp16", "bf16": "bf16", "f32": "fp32"}
#: The build of a log by what its record says of its time.
BUILDS = {
    "build 4701 (Feb 2025)": "b4701",
    "late 2025 llama-server (before n_outputs_max)": "b7000",
    "late 2025 llama-server": "b7000",
}


class Told(NamedTuple):
    """What an estimate says of one device."""

    cache: int
    state: int
    compute: int


def comparisons() -> Iterator[Comparison]:
    """Cache, state and compute buffer."""
    rows: dict[str, list[Row]] = {CACHE: [], STATE: [], COMPUTE: []}
    for model in dict.fromkeys((*measured()["given"], *measured()["own"])):
        for what, row in _rows_of(model):
            rows[what].append(row)
    bounds = {CACHE: "kv_cache", STATE: "state", COMPUTE: "compute"}
    for what, part in bounds.items():
        yield Comparison(what, SOURCE, rows[what], ("llama.cpp", part))
    yield Comparison(LOGS, LOG_SOURCE, list(_logged()))


def _rows_of(model: str) -> Iterator[tuple[str, Row]]:
    given = measured()["given"].get(model)
    if model in MEASURED_WITH:
        return
    seen = given is not None or model in measured()["looked_at"]
    asked = [(settings(number), context, more) for number, context, *more in given or measured()["own"][model]]
    usable = [one for one in asked if _serves(one[0]) and _on_device(one[2], given)]
    for setting, context, more in usable[:: max(1, len(usable) // EACH)][:EACH]:
        told = _told(model, QUANT, setting, "", DEVICE)
        if told is None:
            return
        name = f"{model} {_said(setting)}"
        yield (STATE if told.state else CACHE), Row(name, told.cache + told.state, context, seen=seen)
        yield COMPUTE, Row(name, told.compute, (more[2:] if given else more)[0], seen=seen)


def _serves(s: LlamaCppSettings) -> bool:
    """Whether llama-server has as many logits; and a plain cache, which CUDA neither pads nor copies."""
    return s.n_outputs_max == s.n_seq and s.type_k in FORMATS and s.type_v in FORMATS


def _on_device(more: list[Any], given: list[Any] | None) -> bool:
    return len(more[2:] if given else more) == 2


def _said(s: LlamaCppSettings) -> str:
    return f"-c {s.n_ctx} -ub {s.n_ubatch} -np {s.n_seq} -fa {'on' if s.flash_attention else 'off'} -ctk {s.type_k}"


@cache
def _told(model: str, quant: str, s: LlamaCppSettings, build: str, device: str) -> Told | None:
    """The answer; None where the model or the settings are refused."""
    options = {"ubatch": s.n_ubatch, "unified_kv": s.unified, "flash_attn": s.flash_attention, "swa_full": s.swa_full}
    kinds = [FORMATS.get(kind, kind) for kind in (s.type_k, s.type_v)]
    try:
        answer = estimate(
            model,
            [quant],
            context=s.n_ctx if s.unified else s.n_ctx // s.n_seq,
            batch=s.n_seq,
            kv_dtype="/".join(dict.fromkeys(kinds)),
            runtime=f"llama.cpp@{build}" if build else "llama.cpp",
            gpus=[device],
            options={name: value for name, value in options.items() if value is not None},
        )
    except LlmscaleError:
        return None
    parts = answer.estimates[0].devices[0].per_device[0].parts
    return Told(parts.get("kv_cache", 0), parts.get("state", 0), parts.get("compute", 0))


def _logged() -> Iterator[Row]:
    for row in logs():
        if row["kind"] != "log" or row["model"] not in LOGGED or row["backend"].startswith("CPU"):
            continue
        build = BUILDS.get(row["era"], "")
        told = _told(LOGGED[row["model"]], QUANT, settings_of(row), build, "80GiB")
        if told is None:
            continue
        name = f"{LOGGED[row['model']]} -c {row['n_ctx']} {build or row['era']}, {row['backend']}"
        fork = fork_of(row)
        yield Row(f"{name}, cache", told.cache, cache_mib(row) * MIB, fork, ROUNDING)
        yield Row(f"{name}, compute", told.compute, row["compute_device_mib"] * MIB, fork or _older(build), ROUNDING)


def _older(build: str) -> str:
    return "" if build else "older than the builds that were read, or one that is not named"
