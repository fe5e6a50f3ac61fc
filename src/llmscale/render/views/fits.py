"""``fits``: what to run on a device, or three memory sizes side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from llmscale.answers.results.fits import Choice, FitsOverview, FitsResult, FittingModel
from llmscale.devices.device import known
from llmscale.devices.processor import computes
from llmscale.devices.sets import counted as counted_device
from llmscale.fit.largest import LONGEST
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.views.cells import (
    HEAVY,
    answer,
    between,
    commands,
    counted,
    for_yours,
    gib,
    longest,
    loss_word,
    losses_told,
    pace,
    used,
)
from llmscale.render.views.next import three_questions
from llmscale.render.words import Words
from llmscale.runtimes.registry import info
from llmscale.units import format_gib

#: Models that are named of those that cannot be had.
NAMED = 3
#: What a narrow screen can do without, the sparest last: usable less what is used is left.
SPARE = {"host_bytes": 1, "free_bytes": 2, "parameters": 3, "released": 4}
MODELLED, ASSUMED = Basis.MODELLED.value, Basis.ASSUMED.value


def fits_view(result: FitsResult | FitsOverview, say: Words) -> Report:
    """See the module."""
    if isinstance(result, FitsOverview):
        return _overview(result, say)
    return _one_device(result, say)


def lines_of(result: FitsResult, say: Words) -> tuple[Table, ...]:
    """The models that fit, under the answer as a sentence."""
    fitting = [line for line in result.models if line.fits]
    return (_lines(_headline(result, say), fitting, say, on_card=not computes(result.device.id)),)


def _one_device(result: FitsResult, say: Words) -> Report:
    missing = [line for line in result.models if not line.fits]
    if result.choices:
        tables = [_choices(_headline(result, say), result, say)]
    else:
        tables = [*lines_of(result, say)]
        tables += [_missing(say("Just miss"), missing, say)] if missing else []
    notes = [say.sentence(told) for told in (*result.notes, *_below(result), *_under(result))]
    lines = [(f"{line.id}, {line.quant.upper()}", line.command_line) for line in result.models if line.command_line]
    # As it is typed where there is one: the headline says what it runs.
    typed = commands(lines) if len(lines) > 1 else [command for _, command in lines]
    return Report(tuple(tables), (*notes, *for_yours(typed, say)), typed=tuple(typed))


def _under(result: FitsResult) -> Iterator[Note]:
    """What runs the one model that was named, where neither a command nor what is usable says it."""
    for line in result.models if result.choices and len(_usable(result)) == 1 else ():
        if line.fits and not line.command_line:
            yield note("runs_under", quant=line.quant.upper(), runtime=info(line.runtime).title)


def _headline(result: FitsResult, say: Words) -> str:
    """The answer as a sentence: what to take first, or that nothing fits."""
    device, line = result.device, next(iter(result.models), None)
    on = {
        "device": counted_device(device.name, device.count),
        "usable": format_gib(device.usable_bytes),
        "memory": format_gib(device.memory_bytes),
    }
    if line is None:
        return say.sentence(note("fits_nothing", **on))
    what = {"model": line.id, "quant": line.quant.upper(), "missing": format_gib(_lacking(line)), **on}
    if not line.fits:
        may = [one for one in result.choices if one.may_fit]
        if may:
            least = {"quant": may[-1].quant.upper(), "ends": between(may[-1].used_ends)}
            return say.sentence(note("estimate_may_fit", **what | least))
        told = note("fits_none_of", **what) if result.choices else note("fits_none_just", **what)
        return say.sentence(told)
    context = line.max_context if (line.max_context or LONGEST) < LONGEST else None
    speed = pace(line.tokens_per_second).text if line.tokens_per_second else ""
    return say.sentence(note("fits_first", context=context, speed=speed, **what))


def _lacking(line: FittingModel) -> int:
    """What the row shows as lacking; `missing_bytes` of a size without a shape is the most that may be."""
    return -line.free_bytes if line.basis == ASSUMED and line.free_bytes < 0 else line.missing_bytes


def _below(result: FitsResult) -> Iterator[Note]:
    """What stands below the tables: how to read them, and what is not in them."""
    lines = [line for line in result.models if line.fits]
    on = {"usable": format_gib(result.device.usable_bytes), "memory": format_gib(result.device.memory_bytes)}
    under = [(info(name).title, *told) for name, told in _usable(result).items()]
    if lines and not result.choices:
        yield note("fits_columns", context=result.context, **on)
    elif lines:
        yield note("usable_under", under=under, **on) if len(under) > 1 else note("usable_of", **on)
    yield from _run_by_others([] if result.choices else lines)
    yield from (note("fits_split", split=one.split) for one in result.choices if one.split)
    shown = result.choices or lines
    if shown and not _paced(shown):
        in_ram = computes(result.device.id) or any(line.layers_in_ram for line in lines)
        yield note("no_speed", in_ram=in_ram, named=known(result.device.id) is not None)
    if told := losses_told([*(one.loss for one in result.models), *(one.loss for one in result.choices)]):
        yield told
    if result.choices and lines and not any(one.advised and _worth(one) for one in result.choices):
        yield note("below_floor", quant=lines[0].quant.upper(), model=lines[0].id)
    if result.score_name and any(line.score is not None for line in lines):
        yield note("ranked_by", test=result.score_name)
    yield from _left_out(result)


def _paced(shown: Sequence[Choice | FittingModel]) -> bool:
    """Whether the speed of any is known."""
    return any(one.tokens_per_second for one in shown)


def _usable(result: FitsResult) -> dict[str, tuple[str, list[str]]]:
    """What the runtimes of a ladder may use, each with its quants."""
    under: dict[str, tuple[str, list[str]]] = {}
    for one in result.choices:
        _, quants = under.setdefault(one.runtime, (format_gib(one.used_bytes + one.free_bytes), []))
        quants.append(one.quant.upper())
    return under


def _run_by_others(lines: Sequence[FittingModel]) -> Iterator[Note]:
    """What runs the rows that the runtime of the first one does not."""
    others = {line.quant.upper(): info(line.runtime).title for line in lines if line.runtime != lines[0].runtime}
    if others:
        yield note("run_by_others", others=list(others.items()))


def _left_out(result: FitsResult) -> Iterator[Note]:
    """What is not in the table; of a list of all models those that cannot be had apart, since --all shows none."""
    gone = () if result.passed_over else result.not_available
    if result.hidden > len(gone) or result.passed_over:
        yield note("fits_hidden", hidden=result.hidden - len(gone), passed=result.passed_over)
    if gone:
        yield note("fits_not_available", count=len(gone), some=gone[:NAMED])


def _worth(one: Choice) -> bool:
    """Whether it is hardly worse than the model itself; of what nobody measured nothing is said."""
    return one.loss is None or one.loss.percent < HEAVY


def _choices(title: str, result: FitsResult, say: Words) -> Table:
    """One model's usual quants; used and free are of the devices."""
    columns = [
        Column("advised", "", right=False),
        Column("quant", "Quant", right=False),
        Column("bits_per_weight", "Bits", spare=2),
        Column("weights_bytes", ""),
        Column("total_bytes", ""),
        Column("used_bytes", "Used GiB" if computes(result.device.id) else "On card GiB"),
        Column("free_bytes", "Left GiB", spare=1),
        Column("host_bytes", "RAM GiB" if any(line.host_bytes for line in result.choices) else "", spare=3),
        Column("fits", "Fits"),
        Column("missing_bytes", ""),
        Column("max_context", "Context"),
        Column("tokens_per_second", "t/s" if _paced(result.choices) else ""),
        Column("loss", "Loss", right=False),
        Column("loss_percent", ""),
    ]
    rows = [
        [
            Cell(line.advised, "→" if line.advised else "", "green"),
            Cell(line.quant, line.quant.upper(), "bold" if line.advised else ""),
            Cell(line.bits_per_weight, f"{line.bits_per_weight:.3g}"),
            Cell(line.weights_bytes, ""),
            Cell(line.total_bytes, ""),
            used(line.used_bytes, line.used_ends, line.may_fit and not line.fits),
            gib(line.free_bytes, MODELLED),
            gib(line.host_bytes, MODELLED) if line.host_bytes else Cell(line.host_bytes, ""),
            answer(line.fits, line.may_fit, say),
            Cell(line.missing_bytes, ""),
            longest(line.max_context),
            pace(line.tokens_per_second) if _paced(result.choices) else Cell(None, ""),
            loss_word(line.loss, say),
            Cell(line.loss.percent if line.loss else None, ""),
        ]
        for line in result.choices
    ]
    return table(title, columns, rows)


def _lines(title: str, lines: list[FittingModel], say: Words, on_card: bool = True) -> Table:
    """Models that fit."""
    shown = {
        "used_bytes": "On card GiB" if on_card else "Used GiB",
        "free_bytes": "Left GiB",
        "host_bytes": "RAM GiB" if any(line.layers_in_ram for line in lines) else "",
        "max_context": "Context",
        "tokens_per_second": "t/s" if _paced(lines) else "",
    }
    unknown = any(line.layers_in_ram and line.tokens_per_second is None for line in lines)
    told = {"host_bytes": say.sentence(note("in_ram", unknown=unknown))}
    return table(title, _columns(shown, told), [_row(line, say, shown) for line in lines])


def _missing(title: str, lines: list[FittingModel], say: Words) -> Table:
    """Models that just do not; the same columns, of which CSV makes one table."""
    shown = {"used_bytes": "On card GiB", "missing_bytes": "Missing GiB"}
    return table(title, _columns(shown), [_row(line, say, shown) for line in lines])


def _columns(shown: Mapping[str, str], told: Mapping[str, str] = MappingProxyType({})) -> list[Column]:
    """All columns, with titles of those that are shown besides model and quant, and what explains them."""
    titles = {"model": "Model", "parameters": "Params", "quant": "Quant", "loss": "Loss", "released": "Released"}
    keys = (
        "model",
        "parameters",
        "quant",
        "total_bytes",
        "used_bytes",
        "free_bytes",
        "host_bytes",
        "max_context",
        "missing_bytes",
        "tokens_per_second",
        "loss",
        "loss_percent",
        "released",
    )
    titles |= shown
    words = ("model", "quant", "loss")
    return [
        Column(
            key,
            titles.get(key, ""),
            key not in words,
            wraps=key == "model",
            spare=SPARE.get(key, 0),
            note=told.get(key, ""),
        )
        for key in keys
    ]


def _row(line: FittingModel, say: Words, shown: Mapping[str, str]) -> list[Cell]:
    cells = {
        "used_bytes": gib(line.used_bytes, MODELLED),
        "free_bytes": gib(line.free_bytes, MODELLED),
        "host_bytes": gib(line.host_bytes, MODELLED),
        "max_context": longest(line.max_context),
        "missing_bytes": gib(line.missing_bytes, MODELLED),
        "tokens_per_second": pace(line.tokens_per_second),
    }
    cells = {key: cell if shown.get(key) else Cell(cell.value, "") for key, cell in cells.items()}
    cells |= {
        "model": word(line.id),
        "parameters": counted(line.parameters, say, line.basis),
        "quant": Cell(line.quant, line.quant.upper(), "bold"),
        "total_bytes": Cell(line.total_bytes, ""),
        "loss": loss_word(line.loss, say),
        "loss_percent": Cell(line.loss.percent if line.loss else None, ""),
        "released": word(line.released),
    }
    return [cells[column.key] for column in _columns(shown)]


def _overview(result: FitsOverview, say: Words) -> Report:
    """The first of each size, below each other."""
    every = [line for one in result.devices for line in one.models if line.fits]
    paced = any(line.tokens_per_second for line in every)
    shown = {"used_bytes": "On card GiB", "max_context": "Context", "tokens_per_second": "t/s" if paced else ""}
    columns = [Column("device", "Card", right=False), *_columns(shown)]
    rows = [
        [word(one.device.name), *_row(line, say, shown)] for one in result.devices for line in one.models if line.fits
    ]
    kept = format_gib(result.devices[0].device.reserve_bytes)
    told = say.sentence(note("fits_overview", context=result.context, kept=kept))
    lead = say.sentence(note("fits_sizes", best=_best(result)))
    return Report((table("", columns, rows),), (told,), (lead,), typed=tuple(three_questions(say)))


def _best(result: FitsOverview) -> list[tuple[str, str, str]]:
    """Of each size the first that fits."""
    first = [(one.device.name, next((line for line in one.models if line.fits), None)) for one in result.devices]
    return [(name, line.id, line.quant.upper()) for name, line in first if line]
