"""``log`` as a report."""

from __future__ import annotations

from llmscale.answers.results.log import LogResult, LogTerm, LogTrouble
from llmscale.notes import note
from llmscale.render.report import Cell, Column, Report, Table, table, whole, word
from llmscale.render.words import Words
from llmscale.units import MIB

KINDS = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "state": "State",
    "compute": "Compute",
    "overhead": "Overhead",
    "besides_weights": "Besides weights",
    "": "not told",
}
#: Of what others hold, what three figures of two decimals may be off by.
LEAST_SAID = MIB * 32
COLUMNS = (
    Column("kind", "Part", right=False),
    Column("device", "Where", right=False),
    Column("log_bytes", "Log MiB"),
    Column("estimate_bytes", "Estimate MiB"),
    Column("difference_bytes", "Log - estimate"),
    Column("share", "%"),
)


def log_view(result: LogResult, say: Words) -> Report:
    """Each figure of the log beside the estimate's, then what did not fit and what would."""
    rows = [_row(term, say) for term in result.terms]
    tables = [table("", COLUMNS, rows)] if rows else []
    if result.cache_tokens is not None:
        tables.append(_tokens(result, say))
    lead = say.sentence(
        note(
            "log_of",
            model=result.model.name,
            quant=result.quant,
            runtime=result.runtime,
            release=result.compared_release,
            context=result.context,
            device=result.device,
        )
    )
    told = [say.sentence(one) for one in result.notes]
    trouble = _trouble(result.trouble, result, say) if result.trouble else []
    return Report(tuple(tables), tuple(told), (lead, *trouble))


def _row(term: LogTerm, say: Words) -> list[Cell]:
    where = say("host memory") if term.device is None else f"{say('device')} {term.device}"
    return [
        Cell(term.kind, say(KINDS.get(term.kind, term.kind))),
        Cell(term.device, where),
        _mib(term.log_bytes),
        _mib(term.estimate_bytes),
        _difference(term),
        _share(term),
    ]


def _mib(value: int | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value / MIB:,.2f}")


def _difference(term: LogTerm) -> Cell:
    """What is below the last printed digit is none."""
    found = term.difference_bytes
    if found is None:
        return Cell(None, "-")
    return Cell(found, "0" if abs(found) <= term.step_bytes else f"{found / MIB:+,.2f}")


def _share(term: LogTerm) -> Cell:
    if term.difference_bytes is None or not term.log_bytes:
        return Cell(None, "-")
    share = 100 * term.difference_bytes / term.log_bytes
    return Cell(round(share, 3), "0" if abs(term.difference_bytes) <= term.step_bytes else f"{share:+.1f}")


def _tokens(result: LogResult, say: Words) -> Table:
    columns = (
        Column("kind", "Part", right=False),
        Column("log_tokens", "Log"),
        Column("estimate_tokens", "Estimate"),
    )
    row = [word(say("KV cache tokens")), whole(result.cache_tokens), whole(result.estimate_cache_tokens)]
    return table("", columns, [row])


def _trouble(found: LogTrouble, result: LogResult, say: Words) -> list[str]:
    """What did it, what was held, and what would fit."""
    values = {
        "kind": say(KINDS.get(found.kind, found.kind)),
        "device": found.device,
        "wanted": found.wanted_bytes,
        "available": found.available_bytes,
        "estimate": found.estimate_bytes,
        "whole": found.device_bytes,
    }
    lines = [say.sentence(note("log_trouble", **values)), *_held(found, say)]
    told = len(lines)
    if found.max_context:
        lines.append(say.sentence(note("log_fits_context", context=found.max_context)))
    if found.gpu_layers is not None and found.gpu_layers != found.layers:
        lines.append(say.sentence(note("log_fits_layers", layers=found.gpu_layers, total=found.layers)))
    if found.cpu_moe:
        lines.append(say.sentence(note("log_fits_experts", layers=found.cpu_moe)))
    if len(lines) == told and result.device:
        lines.append(say.sentence(note("log_fits_nothing", device=result.device, model=result.model.id)))
    return lines


def _held(found: LogTrouble, say: Words) -> list[str]:
    """What lay there: the process's own, what it could not use, and what was others'."""
    lines = []
    wanted, had, spare = found.wanted_bytes or 0, found.available_bytes or 0, found.spare_bytes or 0
    if found.held_bytes is not None:
        values = {"held": found.held_bytes, "weights": found.weights_bytes, "total": found.total_bytes}
        lines.append(say.sentence(note("log_held", **values)))
        if found.held_bytes > (found.total_bytes or 0):
            lines.append(say.sentence(note("log_more_held")))
    if (found.others_bytes or 0) > LEAST_SAID:
        lines.append(say.sentence(note("log_others", others=found.others_bytes)))
    if wanted and had >= wanted:
        lines.append(say.sentence(note("log_enough_free")))
    elif wanted and had + spare >= wanted:
        lines.append(say.sentence(note("log_spare", spare=found.spare_bytes)))
    return lines
