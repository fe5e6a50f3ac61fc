"""``estimate``: one row a format with the smallest common memory that it fits, or one row a device and format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.fit.largest import LONGEST
from llmscale.notes import Note, note, once
from llmscale.quantity import Basis
from llmscale.records import dataclass
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.views.cells import answer, between, gib, gib_range, pace, pace_range, used, wait
from llmscale.render.views.estimate_notes import cache_notes, expert_notes, named, quant_of
from llmscale.render.views.load import load_notes
from llmscale.render.views.typed import typed, untyped, ways_out
from llmscale.render.words import Words
from llmscale.runtimes.registry import info
from llmscale.units import GIB, format_gib

MODELLED = Basis.MODELLED.value
#: Devices that get a sentence of their own.
MOST_SENTENCES = 3
CACHE = "kv_cache"
#: What bytes of a device are for and no weights or cache.
BESIDES = ("compute", "overhead")


@dataclass(frozen=True, eq=False, repr=False)
class EstimateView:
    """See the module; `named` when the user named devices, `explain` prints the formulas, `command` what to type."""

    named: bool = False
    explain: bool = False
    command: bool = False

    def __call__(self, result: EstimateResult, say: Words) -> Report:
        tables = [_on_devices(result, say) if self.named else _alone(result, say)]
        limits = _limits(result) if self.named else ()
        notes = [f"* {say.sentence(told)}" for told in limits]
        notes += [say.sentence(told) for told in result.notes if told not in limits]
        if self.named:
            told_of = (*cache_notes(result), *expert_notes(result))
            notes += [say.sentence(told) for told in told_of]
        notes += [say.sentence(told) for line in _runtimes(result) if (told := info(line).note)]
        if not self.named:
            notes += [say.sentence(told) for told in _sizes_note(result)]
        notes += untyped(result, say) if self.command else ()
        lead = (*_sentences(result, say), *map(say.sentence, load_notes(result))) if self.named else ()
        below = (*(result.explanation if self.explain else ()), *notes)
        lines = typed(result) if self.command else ways_out(result, say) if self.named else ()
        return Report(tuple(tables), below, lead, typed=tuple(lines))


def _limits(result: EstimateResult) -> tuple[Note, ...]:
    """What decides besides memory, each once; verdicts have a star for it."""
    return once(limit for line in result.estimates for device in line.devices for limit in _starred(device))


def _starred(device: DeviceFit) -> tuple[Note, ...]:
    """Its limits, less that it runs too few requests where what lets in more says so, or where there is no room for
    the weights."""
    parts = _parts(device)
    said = device.remedies and device.running >= 1
    said = said or sum(parts.values()) - parts.get(CACHE, 0) > device.usable_bytes
    return tuple(told for told in device.limits if not said or told.code != "fewer_requests")


def _runtimes(result: EstimateResult) -> list[str]:
    return list(dict.fromkeys(line.runtime for line in result.estimates))


def _sizes_note(result: EstimateResult) -> Iterator[Note]:
    devices = result.estimates[0].devices
    if devices:
        yield note("fits_from", sizes=", ".join(f"{device.memory_bytes // GIB}" for device in devices))


def _title(result: EstimateResult, say: Words) -> str:
    model = result.model
    known = (Basis.EXACT.value, Basis.MODELLED.value)
    exact = any(line.basis["weights"] in known for line in result.estimates)
    active = model.active_parameters if model.active_parameters != model.parameters else None
    said = note(
        "estimate_of",
        model=model.name,
        size=("" if exact else "~") + say.count(model.parameters),
        active=say.count(active) if active else "",
        context=result.context,
        batch=result.batch,
        kv=result.kv_dtype.upper(),
        runtimes=", ".join(dict.fromkeys(f"{line.runtime} {line.release}" for line in result.estimates)),
    )
    return say.sentence(said)


def _alone(result: EstimateResult, say: Words) -> Table:
    """One row a format: what it takes wherever it lies."""
    stateful = any(line.state_bytes for line in result.estimates)
    columns = [
        Column("quant", "Quant", right=False),
        Column("weights_bytes", "Weights GiB"),
        Column("kv_cache_bytes", "KV cache GiB"),
        Column("state_bytes", "State GiB" if stateful else ""),
        Column("overhead_bytes", "Overhead GiB"),
        Column("mmproj_bytes", "mmproj GiB" if any(line.mmproj_bytes for line in result.estimates) else ""),
        Column("draft_bytes", "Draft GiB" if any(line.draft_bytes for line in result.estimates) else ""),
        Column("total_bytes", "Total GiB"),
        Column("fits_from_bytes", "Fits from GiB"),
    ]
    rows = [
        [
            Cell(line.quant, quant_of(line), "bold"),
            _weights(line),
            gib(line.kv_cache_bytes, line.basis["kv_cache"], line.ranges.get("kv_cache_bytes")),
            gib(line.state_bytes, line.basis["state"]) if stateful else Cell(line.state_bytes, ""),
            gib(line.compute_bytes + line.overhead_bytes, MODELLED),
            _optional(line.mmproj_bytes),
            _optional(line.draft_bytes),
            gib(line.total_bytes, MODELLED, line.ranges.get("total_bytes")),
            _smallest(line.devices),
        ]
        for line in result.estimates
    ]
    return table(_title(result, say), columns, rows)


def _optional(size: int | None) -> Cell:
    return gib(size, MODELLED) if size else Cell(size, "")


def _weights(line: Estimate) -> Cell:
    # An uncertain size has no middle worth a column's width; its ends say it.
    spread = line.ranges.get("weights_bytes")
    return gib_range(line.weights_bytes, spread) if spread else gib(line.weights_bytes, line.basis["weights"])


def _smallest(devices: tuple[DeviceFit, ...]) -> Cell:
    for device in devices:
        if device.fits:
            return Cell(device.memory_bytes, _size_of(device), "green")
    return Cell(None, f"> {_size_of(devices[-1])}" if devices else "-", "red")


def _size_of(device: DeviceFit) -> str:
    times = f"{device.count}x " if device.count > 1 else ""
    return f"{times}{device.memory_bytes // device.count // GIB}"


def _on_devices(result: EstimateResult, say: Words) -> Table:
    """One row a device and format: what lies there and what is left, which together is what may be used."""
    fits = [(line, device) for line in result.estimates for device in line.devices]
    devices = [device for _, device in fits]
    parts = [_parts(device) for device in devices]

    def has(*kinds: str) -> bool:
        return any(part.get(kind) for part in parts for kind in kinds)

    # A title of nothing hides a column where it says nothing.
    serves = any(device.max_concurrency is not None for device in devices)
    paced = any(device.tokens_per_second is not None for device in devices)
    waits = any(device.first_token_seconds is not None for device in devices)
    splits = any(device.gpu_layers != device.layers for device in devices)
    columns = [
        Column("device", "Device", right=False, wraps=True),
        Column("quant", "Quant", right=False),
        Column("fits", "Fits"),
        Column("gpu_layers", "Layers" if splits else ""),
        Column("weights_bytes", "Weights GiB", spare=2),
        Column("kv_cache_bytes", "KV GiB", spare=3),
        Column("state_bytes", "State GiB" if has("state") else ""),
        Column("overhead_bytes", "Other GiB", spare=4),
        Column("mmproj_bytes", "mmproj GiB" if has("mmproj") else ""),
        Column("draft_bytes", "Draft GiB" if has("draft") else ""),
        Column("used_bytes", "Used GiB"),
        Column("free_bytes", "Free GiB"),
        Column("usable_bytes", "Usable GiB", spare=5),
        Column("kv_cache_tokens", "KV tokens" if serves else "", spare=4),
        Column("max_concurrency", "Requests" if serves else "", spare=2),
        Column("max_context", "Max context"),
        Column("max_batch", "" if serves else "Max batch", spare=5),
        Column(
            "tokens_per_second",
            "t/s" if paced else "",
            spare=1,
            note=say.sentence(note("speeds", batch=result.batch, context=result.context)),
        ),
        Column(
            "tokens_per_second_range",
            "95 in 100" if paced else "",
            spare=6,
            span=True,
            note=say.sentence(note("speed_range")),
        ),
        Column(
            "first_token_seconds",
            "First token" if waits else "",
            spare=3,
            note=say.sentence(note("first_token", context=result.context)),
        ),
        Column("host_bytes", "RAM GiB" if any(device.host_bytes for device in devices) else "", spare=3),
    ]
    rows = [
        [
            word(named(device)),
            Cell(line.quant, quant_of(line), "bold"),
            answer(device.fits, device.may_fit, say, bool(_starred(device))),
            _layers(device) if splits else Cell(device.gpu_layers, ""),
            gib(part.get("weights", 0), line.basis["weights"]),
            gib(part.get("kv_cache", 0), MODELLED),
            _optional(part.get("state")),
            gib(sum(part.get(kind, 0) for kind in BESIDES), MODELLED),
            _optional(part.get("mmproj")),
            _optional(part.get("draft")),
            used(device.used_bytes, device.used_ends, device.may_fit and not device.fits),
            gib(device.free_bytes, MODELLED),
            gib(device.usable_bytes, MODELLED),
            _about(device.kv_cache_tokens, ",") if serves else Cell(None, ""),
            _about(device.max_concurrency, ",.1f") if serves else Cell(None, ""),
            _about(device.max_context, ","),
            Cell(device.max_batch, "") if serves else _about(device.max_batch, ","),
            pace(device.tokens_per_second) if paced else Cell(None, ""),
            pace_range(device.tokens_per_second_range),
            wait(device.first_token_seconds) if waits else Cell(None, ""),
            _optional(device.host_bytes),
        ]
        for (line, device), part in zip(fits, parts, strict=True)
    ]
    return table(_title(result, say), columns, rows)


def _sentences(result: EstimateResult, say: Words) -> Iterator[str]:
    """The answer of each device, of the first few: in which format it fits best, or what it lacks."""
    asked = [(line, device) for line in result.estimates for device in line.devices]
    for name in list(dict.fromkeys(named(device) for _, device in asked))[:MOST_SENTENCES]:
        lines = [found for found in asked if named(found[1]) == name]
        line, device = _foremost(lines)
        said: dict[str, Any] = {
            "model": result.model.name,
            "device": name,
            "quant": quant_of(line),
            "used": format_gib(device.used_bytes),
            "usable": format_gib(device.usable_bytes),
            "missing": format_gib(sum(max(0, -usage.free_bytes) for usage in device.per_device)),
            "context": device.max_context if (device.max_context or LONGEST) < LONGEST else None,
            "speed": pace(device.tokens_per_second).text if device.tokens_per_second else "",
        }
        if device.fits:
            split = device.cpu_moe or device.gpu_layers != device.layers
            ram = format_gib(device.host_bytes) if split and device.host_bytes else ""
            yield say.sentence(note("estimate_fits", **said, ram=ram))
        elif by := [told for told in device.limits if told.code == "fits_split"]:
            yield say.sentence(note("estimate_fits_split", **said, **by[0].values))
        elif 1 <= (running := device.running) < result.batch:
            asked_for = {"asked": result.batch, "context": result.context, "requests": running}
            yield say.sentence(note("estimate_some_run", **said | asked_for))
        elif device.headroom_bytes >= 0 and any(told.code == "ram_short" for told in device.limits):
            yield say.sentence(note("estimate_lacks_ram", **said, ram=format_gib(device.host_bytes)))
        elif device.limits and device.used_bytes <= device.usable_bytes:
            yield say.sentence(note("estimate_limited", **said, may=device.may_fit))
        elif device.may_fit:
            yield say.sentence(note("estimate_may_fit", **said, ends=between(device.used_ends)))
        elif device.used_bytes <= device.usable_bytes:
            full = min(device.per_device, key=lambda usage: usage.free_bytes)
            each = {"full": format_gib(full.used_bytes), "own": format_gib(full.usable_bytes)}
            yield say.sentence(note("estimate_lacks_one", **said, **each))
        else:
            yield say.sentence(note("estimate_lacks", **said))


def _foremost(lines: Sequence[tuple[Estimate, DeviceFit]]) -> tuple[Estimate, DeviceFit]:
    """The best that surely fits, else the smallest that may, else the smallest."""
    surely = (found for found in lines if found[1].fits)
    perhaps = (found for found in reversed(lines) if found[1].may_fit)
    return next(surely, None) or next(perhaps, None) or lines[-1]


def _parts(device: DeviceFit) -> dict[str, int]:
    """Bytes of all devices together by what they are for."""
    kinds = dict.fromkeys(kind for usage in device.per_device for kind in usage.parts)
    return {kind: sum(usage.parts.get(kind, 0) for usage in device.per_device) for kind in kinds}


def _layers(device: DeviceFit) -> Cell:
    return Cell(device.gpu_layers, "-" if device.gpu_layers is None else f"{device.gpu_layers}/{device.layers}")


def _about(value: float | None, form: str) -> Cell:
    """A modelled number; a dash where there is none."""
    return Cell(value, "-" if value is None else f"~{value:{form}}")
