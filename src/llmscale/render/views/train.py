"""``train`` as tables: what is trained, what it takes, and with `explain` the recipes side by side."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train import TrainPeaks, TrainResult
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.records import dataclass
from llmscale.render.report import Cell, Column, Report, Table, table, whole, word
from llmscale.render.views.cells import gib
from llmscale.render.views.train_fit import fit_notes, fit_sentence, fit_tables, named_method
from llmscale.render.views.train_flops import compute_table, flops_table
from llmscale.render.views.train_layouts import layout_notes, layout_sentence, layout_table
from llmscale.render.words import Words
from llmscale.units import format_gib


@dataclass(frozen=True, eq=False, repr=False)
class TrainView:
    """See the module."""

    explain: bool = False

    def __call__(self, result: TrainResult, say: Words) -> Report:
        tables = [*fit_tables(result.fit, named_method(result), say)] if result.fit else []
        found = result.layout_search
        tables += [layout_table(result, found, say)] if found and result.layouts else []
        if not (result.fit or found) or self.explain:
            tables.append(_memory(result, say))
            tables += [_peaks(result, result.peaks, say)] if result.peaks else []
            tables.append(flops_table(result.flops, say))
        tables += [compute_table(result.compute, say)] if result.compute else []
        if result.modules and self.explain:
            tables.append(_modules(result, say))
        if self.explain:
            tables.append(_recipes(result, say))
        notes = (*result.notes, *(fit_notes(result.fit) if result.fit else ()))
        notes = (*notes, *(layout_notes(result, found) if found else ()))
        lead = fit_sentence(result, result.fit) if result.fit else _answer(result, say)
        lead = layout_sentence(result, found) if found else lead
        told = (*_facts(result, say), *(say.sentence(note) for note in notes))
        return Report(tuple(tables), told, (say.sentence(lead),))


def _answer(result: TrainResult, say: Words) -> Note:
    """What it takes at the most, or what stands between steps where activations are not modelled."""
    most = result.memory.total_bytes
    return note(
        "train_takes",
        model=result.model.name,
        method=named_method(result),
        names=tuple(result.modules) if result.rank else (),
        gib=("~" if result.ranges else "") + format_gib(result.memory.states_bytes if most is None else most, 1),
        whole=most is not None,
        trained=say.count(result.trainable_parameters),
        total=say.count(result.total_parameters),
        sequence=result.sequence,
        batch=result.micro_batch,
    )


def _memory(result: TrainResult, say: Words) -> Table:
    columns = [Column("part", "Part", right=False), Column("bytes", "GiB")]
    memory, basis = result.memory, _basis(result)

    def each(key: str) -> str:
        return Basis.MODELLED.value if key in memory.modelled else basis

    rows = [
        [word(say("Weights")), gib(memory.weights_bytes, each("weights_bytes"))],
        [word(say("Gradients")), gib(memory.gradients_bytes, each("gradients_bytes"))],
        [word(say("Optimizer states")), gib(memory.optimizer_bytes, basis)],
        [word(say("Together"), "bold"), gib(memory.states_bytes, each("states_bytes"))._replace(style="bold")],
    ]
    if memory.activations_bytes is not None:
        rows.append([word(say("Activations")), gib(memory.activations_bytes, basis)])
    if memory.host_bytes:
        rows.append([word(say("In the host's memory")), gib(memory.host_bytes, basis)])
    return table(f"{named_method(result)}, {result.optimizer}, {result.precision}", columns, rows)


def _peaks(result: TrainResult, peaks: TrainPeaks, say: Words) -> Table:
    columns = [Column("moment", "Peak of", right=False), Column("bytes", "GiB")]
    basis = Basis.MODELLED.value if "total_bytes" in result.memory.modelled else _basis(result)
    parts = [
        ("forward", "Forward", peaks.forward_bytes),
        ("backward", "Backward", peaks.backward_bytes),
        ("step", "Optimizer step", peaks.step_bytes),
    ]
    rows = [[word(say(title), "bold" if name == peaks.moment else ""), gib(size, basis)] for name, title, size in parts]
    rows.append(
        [
            word(say("Most in any step"), "bold"),
            gib(result.memory.total_bytes or 0, basis)._replace(style="bold"),
        ]
    )
    return table("", columns, rows)


def _basis(result: TrainResult) -> str:
    return Basis.ASSUMED.value if result.ranges else Basis.EXACT.value


def _facts(result: TrainResult, say: Words) -> Iterator[str]:
    if result.ranges:
        low, high = result.ranges["memory.total_bytes"]
        least, most = result.ranges["trainable_parameters"]
        label = "Most in any step, undivided" if result.layout_search else "Most in any step"
        yield f"{say(label)}: ~{format_gib(low)}-{format_gib(high)} GiB"
        yield f"{say('Trainable')}: ~{say.count(least)}-{say.count(most)}"
        return
    share = 100 * result.trainable_parameters / result.total_parameters
    yield (
        f"{say('Trainable')}: {result.trainable_parameters:,} || {say('Total')}: {result.total_parameters:,} || "
        f"{share:.4f} %"
    )


def _modules(result: TrainResult, say: Words) -> Table:
    columns = [Column("module", "Module", right=False), Column("parameters", "Parameters")]
    rows = [[word(name), whole(count)] for name, count in result.modules.items()]
    return table(say("Parameters added, by module"), columns, rows)


def _recipes(result: TrainResult, say: Words) -> Table:
    columns = [
        Column("precision", "Precision", right=False),
        Column("weight", "Weight"),
        Column("gradient", "Gradient"),
        Column("master", "Master"),
        Column("optimizer", "States"),
        Column("total", "Bytes/param"),
        Column("title", "What it is", right=False, wraps=True),
    ]
    rows = [
        [
            word(line.precision, "bold" if line.precision == result.precision else ""),
            *(Cell(value, f"{value:.3g}") for value in (line.weight, line.gradient, line.master, line.optimizer)),
            Cell(line.total, f"{line.total:.4g}"),
            word(line.title),
        ]
        for line in result.recipes
    ]
    return table(say("Bytes of a trained parameter, by recipe"), columns, rows)
