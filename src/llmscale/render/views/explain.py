"""``explain``: a word in sentences, its figures below, and what to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llmscale.answers.explain import PARTS, REST, TOTAL
from llmscale.answers.results.explain import ExplainedWords, ExplainResult, FigureTable
from llmscale.notes import note
from llmscale.quantity import Basis
from llmscale.records import NamedTuple
from llmscale.render.report import Cell, Column, Report, Table, table, whole, word
from llmscale.render.views.adding_up import adding_up
from llmscale.render.views.cells import answer, counted, gib, pace, wait
from llmscale.render.views.next import typed
from llmscale.render.words import Words

#: What says by itself what it is.
ALONE = ("model", "quant", "gpu", "device", "devices", "method", "runtime")
#: Below it a figure has a decimal.
TEN = 10


class FigureKind(NamedTuple):
    """How a figure of some name is shown: its title, and what makes the cell of its value and basis."""

    title: str
    cell: Callable[[Any, str, Words], Cell]


def explain_view(result: ExplainResult, say: Words) -> Report:
    """See the module."""
    meaning = result.meaning[say.lang]
    tables = tuple(_table(figures, say) for figures in result.figures)
    return Report(tables, tuple(_next(result, say)), (meaning.title,), (meaning.text,), tuple(typed(result.ask, say)))


def _next(result: ExplainResult, say: Words) -> Iterator[str]:
    if result.aliases and result.name == result.word:
        yield say.sentence(note("also_called", names=list(result.aliases)))
    if result.sources:
        yield say.sentence(note("word_sources", sources=list(result.sources)))
    if result.see:
        yield say.sentence(note("see_words", words=list(result.see)))


def explained_view(result: ExplainedWords, say: Words) -> Report:
    """All words with their titles."""
    columns = [Column("word", "Word", right=False), Column("title", "What it is", right=False, wraps=True)]
    rows = [[word(name, "bold"), word(titles[say.lang])] for name, titles in result.words.items()]
    lead = say.sentence(note("words_explained", count=len(rows)))
    return Report((table("", columns, rows),), (), (lead,))


def _table(figures: FigureTable, say: Words) -> Table:
    known_here = _SHOWN | (_TRAINED if TRAINING in figures.columns else {})
    shown = [known_here.get(name, _OTHER) for name in figures.columns]
    columns = [
        Column(name, one.title or name, right=not all(isinstance(row[at], str) for row in figures.rows))
        for at, (name, one) in enumerate(zip(figures.columns, shown, strict=True))
    ]
    rows = [
        [one.cell(value, basis, say) for one, value, basis in zip(shown, row, known, strict=True)]
        for row, known in zip(figures.rows, figures.basis, strict=True)
    ]
    rows = [_adding_up(figures.columns, row, known) for row, known in zip(rows, figures.basis, strict=True)]
    return table(", ".join(_given(figures.given, say)), columns, rows)


def _adding_up(names: Sequence[str], row: list[Cell], basis: Sequence[str]) -> list[Cell]:
    """A row whose parts add up to their sum as they are printed."""
    for sum_of, parts in SUMS:
        at = [names.index(name) for name in parts if name in names]
        if sum_of not in names or TRAINING in names or not at:
            continue
        sizes, total = [row[one].value for one in at], row[names.index(sum_of)].value
        if not all(isinstance(size, int) for size in sizes) or sum(sizes) != total:  # some of them are not shown
            continue
        printed = adding_up(sizes, [basis[one] == Basis.EXACT.value for one in at])
        for one, size in zip(at, printed, strict=True):
            row[one] = row[one]._replace(text=gib(size, basis[one]).text)
    return row


def _given(given: dict[str, Any], say: Words) -> Iterator[str]:
    """What all rows have in common: names as they are, figures with what they are of."""
    for key, value in given.items():
        shown = _SHOWN.get(key, _OTHER)
        text = shown.cell(value, Basis.EXACT.value, say).text
        yield text if key in ALONE else f"{say(shown.title)} {text}"


def _text(value: Any, basis: str, say: Words) -> Cell:
    return word(None if value is None else say(str(value)))


def _id(value: Any, basis: str, say: Words) -> Cell:
    return counted(value, say, basis) if isinstance(value, int) else word(value)


def _size(value: Any, basis: str, say: Words) -> Cell:
    return Cell(None, "-") if value is None else gib(value, basis)


def _count(value: Any, basis: str, say: Words) -> Cell:
    return counted(value, say, basis)


def _whole(value: Any, basis: str, say: Words) -> Cell:
    if not isinstance(value, (int, float)):
        return word(value)
    cell = whole(int(value))
    return cell if basis == Basis.EXACT.value else cell._replace(text=f"~{cell.text}")


def _loss(value: Any, basis: str, say: Words) -> Cell:
    """What a law says, or the way that a step makes it."""
    return word(value) if isinstance(value, str) else _number(value, basis, say)


def _number(value: Any, basis: str, say: Words) -> Cell:
    if value is None:
        return Cell(None, "-")
    return Cell(value, f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}" if value < 1e9 else f"{value:.2e}")


def _percent(value: Any, basis: str, say: Words) -> Cell:
    mark = "" if basis == Basis.EXACT.value else "~"
    return Cell(value, "-" if value is None else f"{mark}{value:.2g}" if value < TEN else f"{mark}{value:.0f}")


def _fits(value: Any, basis: str, say: Words) -> Cell:
    return answer(value, False, say)


def _speed(value: Any, basis: str, say: Words) -> Cell:
    return pace(value)


def _wait(value: Any, basis: str, say: Words) -> Cell:
    return wait(value)


#: What rows print of a whole, and the parts that it is the sum of.
SUMS = ((TOTAL, (*PARTS, REST)), ("usable_bytes", ("used_bytes", "free_bytes")))
_OTHER = FigureKind("", _id)
#: What only a step of training has; there a total is the most that is held at once, and not the sum of its row.
TRAINING = "activations_bytes"
_TRAINED: dict[str, FigureKind] = {"total_bytes": FigureKind("Most in any step GiB", _size)}
_SHOWN: dict[str, FigureKind] = {
    "model": FigureKind("Model", _id),
    "id": FigureKind("Model", _id),
    "gpu": FigureKind("Device", _id),
    "device": FigureKind("Device", _id),
    "quant": FigureKind("Quant", _id),
    "kv_dtype": FigureKind("KV cache", _id),
    "method": FigureKind("Method", _id),
    "optimizer": FigureKind("Optimizer", _id),
    "checkpointing": FigureKind("Checkpointing", _text),
    "objective": FigureKind("Objective", _id),
    "loss": FigureKind("Loss", _loss),
    "attention": FigureKind("Attention", _id),
    "released": FigureKind("Released", _id),
    "context": FigureKind("Context", _whole),
    "batch": FigureKind("Sequences", _whole),
    "parameters": FigureKind("Parameters", _count),
    "active_parameters": FigureKind("Active", _count),
    "total": FigureKind("Total", _count),
    "untied_total": FigureKind("Untied total", _count),
    "embedding": FigureKind("Embedding", _count),
    "experts": FigureKind("Experts", _count),
    "trainable_parameters": FigureKind("Trainable", _count),
    "training_tokens": FigureKind("Training tokens", _count),
    "tokens": FigureKind("Tokens", _count),
    "title": FigureKind("Law", _id),
    "sparsity": FigureKind("Sparsity", _id),
    "reserve": FigureKind("Reserve", _id),
    "runtime": FigureKind("Runtime", _id),
    "devices": FigureKind("Device", _id),
    "ram": FigureKind("RAM", _id),
    "ram_bandwidth": FigureKind("Bandwidth", _id),
    "draft": FigureKind("Draft", _id),
    "mmproj": FigureKind("mmproj", _id),
    "micro_batch": FigureKind("Micro-batch", _whole),
    "name": FigureKind("Link", _id),
    "layers": FigureKind("Layers", _whole),
    "hidden_size": FigureKind("Hidden size", _whole),
    "tokens_per_parameter": FigureKind("Tokens/param", _number),
    "bits_per_weight": FigureKind("Bits per weight", _number),
    "percent": FigureKind("Loss %", _percent),
    "weights_bytes": FigureKind("Weights GiB", _size),
    "file_bytes": FigureKind("File GiB", _size),
    "kv_cache_bytes": FigureKind("KV cache GiB", _size),
    "state_bytes": FigureKind("State GiB", _size),
    "compute_bytes": FigureKind("Compute GiB", _size),
    "overhead_bytes": FigureKind("Overhead GiB", _size),
    "rest_bytes": FigureKind("Other GiB", _size),
    "total_bytes": FigureKind("Total GiB", _size),
    "used_bytes": FigureKind("Used GiB", _size),
    "free_bytes": FigureKind("Free GiB", _size),
    "usable_bytes": FigureKind("Usable GiB", _size),
    "host_bytes": FigureKind("RAM GiB", _size),
    "memory_bytes": FigureKind("Memory GiB", _size),
    "draft_bytes": FigureKind("Draft GiB", _size),
    "mmproj_bytes": FigureKind("mmproj GiB", _size),
    "gradients_bytes": FigureKind("Gradients GiB", _size),
    "optimizer_bytes": FigureKind("States GiB", _size),
    "activations_bytes": FigureKind("Activations GiB", _size),
    "fits": FigureKind("Fits", _fits),
    "max_context": FigureKind("Max context", _whole),
    "max_concurrency": FigureKind("Requests", _whole),
    "kv_cache_tokens": FigureKind("KV tokens", _whole),
    "tokens_per_second": FigureKind("t/s", _speed),
    "first_token_seconds": FigureKind("First token", _wait),
    "bandwidth_gb_s": FigureKind("Memory GB/s", _number),
    "fp16_tflops": FigureKind("FP16 TFLOPS", _number),
    "gb_s": FigureKind("Link GB/s", _number),
    "slot_gb_s": FigureKind("Slot GB/s", _number),
    "bridge_gb_s": FigureKind("Bridge GB/s", _number),
    "flops": FigureKind("FLOP", _number),
    "forward": FigureKind("Forward FLOP", _number),
    "backward": FigureKind("Backward FLOP", _number),
    "device_hours": FigureKind("Device-hours", _number),
    "low": FigureKind("Cost $, from", _number),
    "high": FigureKind("to", _number),
}
