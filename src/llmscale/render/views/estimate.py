"""``estimate``: one row a format; what it takes, and the smallest common memory or the devices it fits."""

from __future__ import annotations

from dataclasses import dataclass

from llmscale.devices.sets import counted as counted_device
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.views.cells import answer, commands, gib, gib_range
from llmscale.render.words import Words, count, words
from llmscale.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.spec import Basis
from llmscale.units import GIB, format_gib

MODELLED = Basis.MODELLED.value


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
        if not self.named:
            reserve = result.estimates[0].devices[0].memory_bytes - result.estimates[0].devices[0].usable_bytes
            notes.append(
                f"Fits from: the smallest common card ({_sizes(result)} GiB; one sold as 24 GB holds 24 GiB) "
                f"with {format_gib(reserve)} GiB kept for driver and display (--reserve)."
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
    columns = [
        Column("quant", "Quant", right=False),
        Column("weights_bytes", "Weights GiB"),
        Column("kv_cache_bytes", "KV cache GiB"),
        Column("state_bytes", "State GiB" if stateful else ""),
        Column("overhead_bytes", "Overhead GiB"),
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
            return Cell(device.memory_bytes, f"{device.memory_bytes // GIB}", "green")
    return Cell(None, f"> {devices[-1].memory_bytes // GIB}", "red")


def _devices(result: EstimateResult, say: Words) -> Table:
    columns = [
        Column("device", "Device", right=False),
        Column("quant", "Quant", right=False),
        Column("fits", "Fits"),
        Column("usable_bytes", "Usable GiB"),
        Column("headroom_bytes", "Free GiB"),
        Column("max_context", "Max context"),
    ]
    rows = []
    for line in result.estimates:
        for device in line.devices:
            name = counted_device(device.id, device.count)
            longest = "-" if device.max_context is None else f"{device.max_context:,}"
            rows.append(
                [
                    word(name),
                    Cell(line.quant, _quant(line), "bold"),
                    answer(device.fits, device.may_fit, say),
                    gib(device.usable_bytes, MODELLED),
                    gib(device.headroom_bytes, MODELLED),
                    Cell(device.max_context, longest if longest == "-" else f"~{longest}"),
                ]
            )
    return table("", columns, rows)
