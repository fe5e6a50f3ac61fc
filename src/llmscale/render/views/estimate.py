"""``estimate``: one row a format; what it takes, and the smallest common memory or the devices it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.devices.sets import counted as counted_device
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.views.cells import answer, commands, gib, gib_range, pace, pace_range, wait
from llmscale.render.words import Words, count, words
from llmscale.units import GIB, format_gib

MODELLED = Basis.MODELLED.value
#: Which release is modelled stands in `llmscale.runtimes.vllm.releases`; a test holds this line to it.
VLLM = (
    "vllm: release 0.19.0 is modelled; usable is what --gpu-memory-utilization (0.9 unless given) leaves of the memory "
    "that CUDA reports. CUDA graphs go into the rest; maybe: it is too small for them without --enforce-eager. From "
    "0.20 on the default is 0.92 and the graphs are taken out of the cache."
)
#: The release is `llmscale.runtimes.sglang`'s; a test holds this line to it.
SGLANG = (
    "sglang: release 0.5.23 is modelled; weights and KV cache share --mem-fraction-static (SGLang's own choice unless "
    "given) of what is free at the start. What it leaves of a device for activations and CUDA graphs, by a rule that "
    "nobody has measured, is neither usable nor counted in the total."
)
OLLAMA = (
    "ollama: release 0.33.0-rc2 is modelled, which runs llama-server; before 0.30 it had engines of its own. A context "
    "that is not named is Ollama's own on these devices. Of each device 1 GiB stays free, else layers go to RAM."
)
MLX = (
    "mlx: mlx-lm 0.32.2 on Metal is modelled. Overhead is what is under way while a prompt as long as the context is "
    "read; a smaller --prefill-step-size takes less."
)
EXLLAMA = "exllama: exllamav3 1.4.1 is modelled. The token embedding, which is among the weights, stays in RAM."
#: What is told of runtimes that fill the devices, and of the others.
SERVERS = {"vllm": VLLM, "sglang": SGLANG}
OTHERS = {"ollama": OLLAMA, "mlx": MLX, "exllama": EXLLAMA}


@dataclass(frozen=True, eq=False, repr=False)
class EstimateView:
    """See the module; `named` when the user named devices, `explain` prints the formulas, `command` what to type."""

    named: bool = False
    explain: bool = False
    command: bool = False

    def __call__(self, result: EstimateResult, lang: str) -> Report:
        say = words(lang)
        tables = [_memory(result, lang, self.named)]
        if self.named:
            tables.append(_devices(result, say))
        notes = list(result.warnings)
        if self.named:
            notes += [*_cache_notes(result), *_expert_notes(result), *_speed_notes(result)]
        runtimes = {line.runtime for line in result.estimates}
        serving = [told for name, told in SERVERS.items() if name in runtimes]
        notes += [*serving, *(told for name, told in OTHERS.items() if name in runtimes)]
        if not self.named and not serving:
            reserve = result.estimates[0].devices[0].memory_bytes - result.estimates[0].devices[0].usable_bytes
            too = " and by Ollama" if "ollama" in runtimes else ""
            notes.append(
                f"Fits from: the smallest common card ({_sizes(result)} GiB; one sold as 24 GB holds 24 GiB) "
                f"with {format_gib(reserve)} GiB kept for driver and display (--reserve){too}."
            )
        if self.command:
            notes += commands(
                (f"{counted_device(each.id, each.count)}, {line.quant.upper()}", each.command)
                for line in result.estimates
                for each in line.devices
            )
        return Report(tuple(tables), (*(result.explanation if self.explain else ()), *notes))


def _sizes(result: EstimateResult) -> str:
    return ", ".join(f"{device.memory_bytes // GIB}" for device in result.estimates[0].devices)


def _title(result: EstimateResult, lang: str) -> str:
    model = result.model
    known = (Basis.EXACT.value, Basis.MODELLED.value)
    exact = any(line.basis["weights"] in known for line in result.estimates)
    mark = "" if exact else "~"
    size = f"{mark}{count(model.parameters, lang)} parameters"
    if model.active_parameters != model.parameters:
        size += f", {count(model.active_parameters, lang)} active"
    runtimes = ", ".join(dict.fromkeys(line.runtime for line in result.estimates))
    batch = f", batch {result.batch}" if result.batch > 1 else ""
    return f"{model.name}: {size}, context {result.context:,}{batch}, KV {result.kv_dtype.upper()}, {runtimes}"


def _memory(result: EstimateResult, lang: str, named: bool) -> Table:
    stateful = any(line.state_bytes for line in result.estimates)
    seeing = any(line.mmproj_bytes for line in result.estimates)
    drafting = any(line.draft_bytes for line in result.estimates)
    columns = [
        Column("quant", "Quant", right=False),
        Column("weights_bytes", "Weights GiB"),
        Column("kv_cache_bytes", "KV cache GiB"),
        Column("state_bytes", "State GiB" if stateful else ""),
        Column("overhead_bytes", "Overhead GiB"),
        Column("mmproj_bytes", "mmproj GiB" if seeing else ""),
        Column("draft_bytes", "Draft GiB" if drafting else ""),
        Column("total_bytes", "Total GiB"),
    ]
    if not named:
        columns.append(Column("fits_from_bytes", "Fits from GiB"))
    rows = []
    for line in result.estimates:
        row = [
            Cell(line.quant, _quant(line), "bold"),
            _weights(line),
            gib(line.kv_cache_bytes, line.basis["kv_cache"], line.ranges.get("kv_cache_bytes")),
            gib(line.state_bytes, line.basis["state"]) if stateful else Cell(0, ""),
            gib(line.compute_bytes + line.overhead_bytes, MODELLED),
            gib(line.mmproj_bytes or 0, MODELLED) if seeing else Cell(None, ""),
            gib(line.draft_bytes or 0, MODELLED) if drafting else Cell(None, ""),
            gib(line.total_bytes, MODELLED, line.ranges.get("total_bytes")),
        ]
        rows.append(row if named else [*row, _smallest(line.devices)])
    return table(_title(result, lang), columns, rows)


def _weights(line: Estimate) -> Cell:
    # An uncertain size has no middle worth a column's width; its ends say it.
    spread = line.ranges.get("weights_bytes")
    return gib_range(line.weights_bytes, spread) if spread else gib(line.weights_bytes, line.basis["weights"])


def _quant(line: Estimate) -> str:
    # FP16 and BF16 take the same; the row stands for both.
    return "FP16/BF16" if line.quant == "fp16" else line.quant.upper()


def _smallest(devices: tuple[DeviceFit, ...]) -> Cell:
    for device in devices:
        if device.fits:
            return Cell(device.memory_bytes, _sizes_of(device), "green")
    return Cell(None, f"> {_sizes_of(devices[-1])}", "red")


def _sizes_of(device: DeviceFit) -> str:
    times = f"{device.count}x " if device.count > 1 else ""
    return f"{times}{device.memory_bytes // device.count // GIB}"


def _devices(result: EstimateResult, say: Words) -> Table:
    fits = [(line, device) for line in result.estimates for device in line.devices]
    # A title of nothing hides the column: only servers count tokens and requests, layers matter where not all are on
    # the device.
    serves = any(device.max_concurrency is not None for _, device in fits)
    paced = any(device.tokens_per_second is not None for _, device in fits)
    waits = any(device.first_token_seconds is not None for _, device in fits)
    splits = any(device.gpu_layers is not None and device.gpu_layers != device.layers for _, device in fits)
    columns = [
        Column("device", "Device", right=False),
        Column("quant", "Quant", right=False),
        Column("fits", "Fits"),
        Column("gpu_layers", "Layers" if splits else ""),
        Column("usable_bytes", "Usable GiB"),
        Column("headroom_bytes", "Free GiB"),
        Column("kv_cache_tokens", "KV cache tokens" if serves else ""),
        Column("max_concurrency", "Requests" if serves else ""),
        Column("max_context", "Max context"),
        Column("max_batch", "" if serves else "Max batch", spare=True),
        Column("tokens_per_second", "t/s" if paced else "", spare=True),
        Column("tokens_per_second_range", "95 in 100" if paced else "", spare=True),
        Column("first_token_seconds", "First token" if waits else "", spare=True),
    ]
    rows = [
        [
            word(_named(device)),
            Cell(line.quant, _quant(line), "bold"),
            answer(device.fits, device.may_fit, say),
            _layers(device) if splits else Cell(0, ""),
            gib(device.usable_bytes, MODELLED),
            gib(device.headroom_bytes, MODELLED),
            _about(device.kv_cache_tokens, ",") if serves else Cell(0, ""),
            _about(device.max_concurrency, ",.1f") if serves else Cell(0, ""),
            _about(device.max_context, ","),
            Cell(0, "") if serves else _about(device.max_batch, ","),
            pace(device.tokens_per_second) if paced else Cell(None, ""),
            pace_range(device.tokens_per_second_range),
            wait(device.first_token_seconds) if waits else Cell(None, ""),
        ]
        for line, device in fits
    ]
    return table("", columns, rows)


def _named(device: DeviceFit) -> str:
    return counted_device(device.id, device.count)


def _layers(device: DeviceFit) -> Cell:
    return Cell(device.gpu_layers, "-" if device.gpu_layers is None else f"{device.gpu_layers}/{device.layers}")


def _about(value: float | None, form: str) -> Cell:
    """A modelled number; a dash where there is none."""
    return Cell(value, "-" if value is None else f"~{value:{form}}")


def _speed_notes(result: EstimateResult) -> Iterator[str]:
    """What a speed is, where there is one."""
    if all(device.tokens_per_second is None for line in result.estimates for device in line.devices):
        return
    together = f" of all {result.batch:,} sequences together" if result.batch > 1 else ""
    yield (
        f"t/s: tokens a second{together} with {result.context:,} in the cache; the truth lies in the range 95 times in "
        f"100. First token: after a prompt of {result.context:,} tokens. docs/accuracy.md says how far off both are."
    )


def _expert_notes(result: EstimateResult) -> Iterator[str]:
    """Where llama.cpp leaves experts in RAM."""
    for line in result.estimates:
        for device in line.devices:
            if device.fits and device.cpu_moe and device.gpu_layers == device.layers:
                yield (
                    f"{_quant(line)} on {_named(device)}: the experts of the first {device.cpu_moe} layers stay in RAM "
                    f"(--n-cpu-moe {device.cpu_moe})."
                )


def _cache_notes(result: EstimateResult) -> Iterator[str]:
    """What vLLM and SGLang write when they start, in a sentence each."""
    for line in result.estimates:
        for device in line.devices:
            if not device.max_concurrency:
                continue
            tokens = "" if device.kv_cache_tokens is None else f"{device.kv_cache_tokens:,} tokens, "
            yield (
                f"{_quant(line)} on {_named(device)}: KV cache {tokens}{device.max_concurrency:,.1f} requests of "
                f"{result.context:,}."
            )
