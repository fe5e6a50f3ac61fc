"""llama.cpp's cache, state and buffers: its own figures on CPU and RPC devices, and lines of real CUDA logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.helpers import spec_as_measured

from benchmarks import process_fit
from benchmarks.accuracy.rows import Comparison, Row
from llmscale import estimate
from llmscale.formats.catalogue import quant
from llmscale.formats.weights import assign_formats, file_weights
from llmscale.model.inventory import inventory
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import Buffers, buffers
from llmscale.sources.registry import load
from llmscale.units import MIB

TRUTH = Path(__file__).parents[2] / "tests" / "truth"
#: Its log prints MiB with two decimals.
ROUNDING = 0.005 * MIB + 1

CACHE = "llama.cpp KV cache"
STATE = "llama.cpp recurrent state"
DEVICE = "llama.cpp compute buffer, device (RPC, not CUDA)"
HOST = "llama.cpp compute buffer, host"
OUTPUT = "llama.cpp output buffer"
PLACED_CACHE = "llama.cpp cache and state, layers spread"
PLACED_COMPUTE = "llama.cpp compute buffers, layers spread"
LOG_WEIGHTS = "llama.cpp weights, CUDA logs"
LOG_CACHE = "llama.cpp KV cache, published logs"
LOG_COMPUTE = "llama.cpp compute buffer, published logs"
CONTEXT = "llama.cpp CUDA context, the card left out"
PROCESS = "llama.cpp CUDA process besides its buffers"
TOTAL = "llama.cpp total of a CUDA process"

_MEASURED = "llama.cpp 0c1e57098 with its CPU and RPC backends, no GPU: `tests/truth/llamacpp_measured.json`."
_PROCESS = (
    "Public logs of Linux and what nvidia-smi shows, each with its source: `tests/truth/llamacpp_cuda_process.json`."
)
_LOGS = "Public logs of CUDA, Metal and CPU builds, each with its source: `tests/truth/llamacpp_gpu_logs.json`."
#: Quantities in the order of the page, with where they are from and what part of an estimate they bound.
QUANTITIES: dict[str, tuple[str, tuple[str, str] | None]] = {
    CACHE: (_MEASURED, None),
    STATE: (_MEASURED + " Models that have both are compared by the sum of the two.", None),
    DEVICE: (_MEASURED, None),
    HOST: (_MEASURED, None),
    OUTPUT: (_MEASURED + " As its log prints it, MiB with two decimals.", None),
    PLACED_CACHE: (_MEASURED + " Part of the layers, experts or cache on the host, or two devices.", None),
    PLACED_COMPUTE: (_MEASURED + " Part of the layers, experts or cache on the host, or two devices.", None),
    LOG_WEIGHTS: (_LOGS, None),
    LOG_CACHE: (_LOGS, None),
    LOG_COMPUTE: (_LOGS, None),
    CONTEXT: (
        _PROCESS + " What a card had lost before anything was loaded, against the line through the other cards.",
        None,
    ),
    PROCESS: (
        _PROCESS + " Context, kernels, workspace and pool, of whole processes; context and kernels are those that the "
        "other cards' rows give.",
        ("llama.cpp", "overhead"),
    ),
    TOTAL: (
        _PROCESS
        + " The sum of the buffers and of the process. Two rows are wholly ours, of a card of 8 GB that is not named "
        "(`tests/truth/llamacpp_gpu_logs.json`); in the others the buffers are those that llama.cpp printed, since "
        "models and settings are not told in full, and context and kernels are those of the other cards' rows.",
        ("llama.cpp", "total"),
    ),
}

#: The catalogue's name of the models of the logs; the others are not in the catalogue.
LOGGED = {
    "Llama-3.1-8B (fine-tune)": "llama-3.1-8b",
    "Llama-3.1-8B": "llama-3.1-8b",
    "Llama-2-7B": "llama-2-7b",
    "Qwen2.5-3B": "qwen2.5-3b",
    "Qwen3-30B-A3B (Coder)": "qwen3-30b-a3b",
    "gpt-oss-120b": "gpt-oss-120b",
    "gpt-oss-20b": "gpt-oss-20b",
    "Gemma-2-2B": "gemma-2-2b",
    "Qwen2.5-7B": "qwen2.5-7b",
}
PRESETS = ("Q4_K_M", "Q4_0", "F16")
#: What the note of a whole process tells of it besides: the type of its cache, and MiB by nvidia-smi then.
NOTED = {"Qwen2.5-7B": (("q4_0", 4594),)}


@cache
def measured() -> dict[str, Any]:
    """The recorded rows."""
    return json.loads((TRUTH / "llamacpp_measured.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def logs() -> list[dict[str, Any]]:
    """Lines of real logs."""
    return json.loads((TRUTH / "llamacpp_gpu_logs.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def comparisons(spread: Callable[..., Iterable[list[tuple[str, Row]]]] = map) -> Iterator[Comparison]:
    """All quantities; `spread` is what the models are mapped with, since they take half a minute one after another."""
    names = [*measured()["given"], *measured()["own"]]
    rows: dict[str, list[Row]] = {what: [] for what in QUANTITIES}
    for found in (*spread(rows_of, names), _placed(), _logged(), _processes()):
        for what, row in found:
            rows[what].append(row)
    for what, (source, bounds) in QUANTITIES.items():
        yield Comparison(what, source, rows[what], bounds)


@cache
def facts(model: str) -> ModelFacts:
    """What llama.cpp makes of a model."""
    return facts_of(spec_as_measured(model))


def settings(number: int) -> LlamaCppSettings:
    """Those that rows name by their number."""
    n_ctx, n_batch, n_ubatch, n_seq, unified, full, flash, type_k, type_v, outputs = measured()["settings"][number]
    return LlamaCppSettings(
        n_ctx, n_batch, n_ubatch, n_seq, bool(unified), bool(full), bool(flash), type_k, type_v, outputs
    )


def rows_of(model: str) -> list[tuple[str, Row]]:
    """All rows of one model by quantity."""
    found: list[tuple[str, Row]] = []
    given = measured()["given"].get(model)
    seen = given is not None or model in measured()["looked_at"]
    for number, context, *more in given or measured()["own"][model]:
        kv, output = more[:2] if given else (None, None)
        compute = more[2:] if given else more
        # As on the backends that were measured, which align as host memory does.
        ours = buffers(facts(model), settings(number), Offload(len(compute) - 1, cuda=False))
        name = f"{model} {_said(settings(number), len(compute) - 1)}"
        found.append((STATE if any(ours.state) else CACHE, Row(name, _context(ours), context, seen=seen)))
        if kv is not None:
            if any(ours.state) and kv:
                found.append((CACHE, Row(name, sum(ours.cache), kv, rounding=ROUNDING, seen=seen)))
            found.append((OUTPUT, Row(name, ours.output, output, rounding=ROUNDING, seen=seen)))
        if len(compute) > 1:
            found.append((DEVICE, Row(name, ours.compute[0], compute[0], seen=seen)))
        found.append((HOST, Row(name, ours.compute[-1], compute[-1], seen=seen)))
    return found


def _context(ours: Buffers) -> int:
    return sum(ours.cache) + sum(ours.state)


def _said(s: LlamaCppSettings, devices: int) -> str:
    """Settings in the words of llama-server."""
    told = [
        f"-c {s.n_ctx} -ub {s.n_ubatch} -np {s.n_seq}",
        "-kvu" if s.unified else "",
        "--swa-full" if s.swa_full else "",
        f"-fa {'on' if s.flash_attention else 'off'}",
        f"-ctk {s.type_k} -ctv {s.type_v}" if (s.type_k, s.type_v) != ("f16", "f16") else "",
        f"{s.n_outputs_max or 'all'} outputs",
        "on a device" if devices else "on the CPU",
    ]
    return " ".join(word for word in told if word)


def _placed() -> list[tuple[str, Row]]:
    """Models cut to few layers so that everything was really allocated, with layers and experts spread."""
    found = []
    layers, rows = measured()["placed_cut"]
    for row in measured()["placed"]:
        whole = facts(row["model"])
        small = whole._replace(layers=whole.layers[:layers], vocab=min(whole.vocab, rows))
        asked = settings(row["setting"])._replace(**row["more"])
        offload = Offload(**row["place"], cuda=False, weights="f32")
        ours = buffers(small, asked, offload)
        name = f"{row['model']} {_said(asked, offload.devices)}, {_spread(row)}"
        context = [kept + state for kept, state in zip(ours.cache, ours.state, strict=True)]
        for what, mine, theirs in (
            (PLACED_CACHE, context, row["context"]),
            (PLACED_COMPUTE, ours.compute, row["compute"]),
        ):
            found += [
                (what, Row(f"{name}, place {number}", one, other))
                for number, (one, other) in enumerate(zip(mine, theirs, strict=True))
                if one or other
            ]
    return found


def _spread(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in {**row["place"], **row["more"]}.items())


def _logged() -> list[tuple[str, Row]]:
    found: list[tuple[str, Row]] = []
    for row in logs():
        if row["model"] in LOGGED:
            found += _log(row) if row["kind"] == "log" else _total(row) if row["kind"] == "end_to_end" else ()
    return found


def settings_of(row: dict[str, Any]) -> LlamaCppSettings:
    """What a log says that was asked, its cache's types apart."""
    return LlamaCppSettings(
        row["n_ctx"],
        n_ubatch=row["n_ubatch"],
        n_seq=row.get("n_seq", 1),
        unified=row.get("kv_unified", False),
        flash_attention=row["flash_attn"],
    )


def cache_mib(row: dict[str, Any]) -> float:
    """MiB of the cache in a log, whose windows may be told apart."""
    return float(row.get("kv_mib", row.get("kv_full_mib", 0) + row.get("kv_swa_mib", 0)))


def fork_of(row: dict[str, Any]) -> str:
    """Why a row is another program's; empty where it is not."""
    return "a fork that keeps whole windows" if "fork" in row["backend"] else ""


def _log(row: dict[str, Any]) -> Iterator[tuple[str, Row]]:
    model, era = LOGGED[row["model"]], row["era"]
    name = f"{model} {row['preset']} -c {row['n_ctx']}, {row['backend']}"
    older = f"older release: {era}"
    if row["backend"].startswith("Metal"):
        older = "a build of 2026 that is not named; its host buffer is that of a mask in FP32, 1,024 + 18 MiB"
    fork = fork_of(row)
    device = not row["backend"].startswith("CPU")
    # Every tool of those releases reserved all logits.
    asked = settings_of(row)._replace(type_k=row["type_k"], type_v=row["type_v"], n_outputs_max=0)
    ours = buffers(facts(model), asked, Offload(int(device), cuda=row["backend"].startswith("CUDA")))
    yield LOG_CACHE, Row(name, sum(ours.cache), cache_mib(row) * MIB, fork, ROUNDING)
    if device:
        yield LOG_COMPUTE, Row(f"{name}, device", ours.compute[0], row["compute_device_mib"] * MIB, older, ROUNDING)
    yield LOG_COMPUTE, Row(f"{name}, host", ours.compute[-1], row["compute_host_mib"] * MIB, older, ROUNDING)
    if row["preset"] in PRESETS and "model_device_mib" in row:
        spec = load(model).known()
        form = quant("gguf-f16" if row["preset"] == "F16" else row["preset"])
        weights = file_weights(assign_formats(form, spec, inventory(spec)))
        yield LOG_WEIGHTS, Row(f"{name}, device", weights.device, row["model_device_mib"] * MIB, rounding=ROUNDING)
        yield LOG_WEIGHTS, Row(f"{name}, host", weights.host, row["model_host_mib"] * MIB, rounding=ROUNDING)


def _processes() -> list[tuple[str, Row]]:
    """Contexts and whole processes; those of Windows and of busy cards are shown, not counted."""
    found = []
    for row in process_fit.rows():
        why, device = process_fit.unfit(row), row["device"]
        its = process_fit.chip(device) if device else process_fit.MIDDLE
        line = process_fit.fitted(device or "")
        if row["kind"] == "context":
            told = f"{device} {row['os']}, {row.get('total_mib', 'a sleeping server, nvidia-smi')}"
            found.append((CONTEXT, Row(told, line.context(its), process_fit.lost(row), why, MIB)))
            continue
        ours = line.context(its) + process_fit.kernels(line, device or "") + process_fit.temporaries(row)
        buffers = process_fit.buffers(row) * MIB
        name = f"{device or 'card-of-8-GB'} {row['os']}, {row['kind']}, {buffers / MIB:,.0f} MiB of buffers as printed"
        truth = process_fit.besides(row)
        found.append((PROCESS, Row(name, ours, truth, why, MIB)))
        found.append((TOTAL, Row(name, buffers + ours, buffers + truth, why, MIB)))
    return found


def _total(row: dict[str, Any]) -> Iterator[tuple[str, Row]]:
    """A whole process, asked for as a user would; a unified cache is shared by all slots."""
    for kind, mib in ((row["type_k"], row["nvidia_smi_mib"]), *NOTED[row["model"]]):
        yield TOTAL, _process(row, kind, mib)


def _process(row: dict[str, Any], kind: str, mib: float) -> Row:
    model, slots = LOGGED[row["model"]], row["n_seq"]
    (line,) = estimate(
        model,
        [row["preset"].lower()],
        context=row["n_ctx"] // slots,
        batch=slots,
        kv_dtype=kind,
        gpus=["80GiB"],
        options={"ubatch": row["n_ubatch"], "unified_kv": row["kv_unified"], "flash_attn": row["flash_attn"]},
    ).estimates
    (device,) = line.devices
    name = f"{model} {row['preset']} -c {row['n_ctx']} -ctk {kind} -ctv {kind}, {row['backend']}"
    return Row(name, device.used_bytes, mib * MIB, rounding=MIB / 2)
