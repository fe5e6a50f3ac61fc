"""``params`` as a tree: components, their parts, their shares."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.params import ParameterCount, ParamsResult
from llmscale.model.describe import TIERS
from llmscale.notes import note
from llmscale.quantity import Basis
from llmscale.records import dataclass
from llmscale.render.report import Cell, Column, Report, Table, table, word
from llmscale.render.views.cells import counted
from llmscale.render.words import Words

LITERAL = "size literal"


@dataclass(frozen=True, eq=False, repr=False)
class ParamsView:
    """See the module; `exact` prints every digit, `explain` the shape of each tensor group."""

    exact: bool = False
    explain: bool = False

    def __call__(self, result: ParamsResult, say: Words) -> Report:
        if result.parameters is None:
            return _undisclosed(result, say)
        parameters = result.parameters
        # The count of a bare size is what it says; it is its shape that is assumed.
        basis = Basis.EXACT.value if result.model.source == LITERAL else result.model.basis
        columns = [
            Column("component", "Component", right=False),
            Column("parameters", "Parameters"),
            Column("share_percent", "Share"),
        ]
        rows = [self._row(*line, parameters.total, say, basis) for line in self._lines(result, parameters, say)]
        tables = [table("", columns, rows)]
        if self.explain and basis == Basis.EXACT.value:
            tables.append(_tensors(result))
        notes = (*_facts(result, parameters, say), *(say.sentence(told) for told in result.notes))
        return Report(tuple(tables), notes, (_headline(result, parameters, say, basis),))

    def _row(self, name: str, label: str, value: int, style: str, total: int, say: Words, basis: str) -> list[Cell]:
        text = f"{value:,}" if self.exact else say.count(value)
        mark = "" if basis == Basis.EXACT.value else "~"
        share = f"{100 * value / total:.2f} %"
        return [
            Cell(name, label, style),
            Cell(value, mark + text, style),
            Cell(round(100 * value / total, 4), share, style),
        ]

    def _lines(
        self, result: ParamsResult, parameters: ParameterCount, say: Words
    ) -> Iterator[tuple[str, str, int, str]]:
        present = [(name, size) for name, size in parameters.components.items() if size]
        for at, (name, size) in enumerate(present):
            last = at == len(present) - 1
            yield name, f"{'└─' if last else '├─'} {say(name)}", size, "bold"
            parts: dict[str, int] = {}
            for line in result.tensors:
                if line.component == name and line.tied_to is None:
                    part = line.role.partition(".")[2] or line.role
                    parts[part] = parts.get(part, 0) + line.parameters
            if len(parts) > 1:
                for number, (part, part_size) in enumerate(parts.items()):
                    branch = "└─" if number == len(parts) - 1 else "├─"
                    yield f"{name}.{part}", f"{' ' if last else '│'}  {branch} {part}", part_size, ""
        yield "total", say("Total"), parameters.total, "bold"
        if parameters.active != parameters.total:
            yield "active", say("Active"), parameters.active, "bold"


def _headline(result: ParamsResult, parameters: ParameterCount, say: Words, basis: str) -> str:
    """How many there are, and how that is known."""
    said = note(
        "params_of",
        model=result.model.name,
        total=("" if basis == Basis.EXACT.value else "~") + say.count(parameters.total),
        active=say.count(parameters.active) if parameters.active != parameters.total else "",
        basis=result.model.basis,
        shape=basis != result.model.basis,
    )
    return say.sentence(said)


def _facts(result: ParamsResult, parameters: ParameterCount, say: Words) -> Iterator[str]:
    tier = next(t for t in TIERS if t.id == result.tier)
    yield f"{say('Scale tier')}: {say(f'{tier.name} ({tier.zh})')}"
    yield f"{say('Total')}: {parameters.total:,}  {say('Non-embedding')}: {parameters.non_embedding:,}"
    if parameters.untied_total != parameters.total:
        yield f"{say('Untied total')}: {parameters.untied_total:,} (the head shares the embedding's weights)"
    if parameters.active != parameters.total:
        yield (
            f"{say('Active')}: {parameters.active:,} per token: the chosen experts, the shared ones and all else; "
            f"{parameters.active_without_input_embedding:,} without the input embedding"
        )
    if result.stated_parameters:
        active = say.count(result.stated_active_parameters) if result.stated_active_parameters else ""
        total, source = say.count(result.stated_parameters), result.model.source
        yield say.sentence(note("params_stated", total=total, active=active, source=source))
    if result.disclosure:
        yield say.sentence(note("said", text=result.disclosure))


def _tensors(result: ParamsResult) -> Table:
    columns = [
        Column("tensor", "Tensor", right=False, wraps=True),
        Column("shape", "Shape"),
        Column("count", "Count"),
        Column("parameters", "Parameters"),
    ]
    rows = [
        [
            word(line.name + (" (tied)" if line.tied_to else "")),
            Cell("x".join(map(str, line.shape)), "x".join(f"{n:,}" for n in line.shape)),
            Cell(line.count, f"{line.count:,}"),
            Cell(line.parameters, "(tied)" if line.tied_to else f"{line.parameters:,}"),
        ]
        for line in result.tensors
    ]
    total = sum(line.parameters for line in result.tensors if line.tied_to is None)
    rows.append([word("Sum", "bold"), Cell("", ""), Cell("", ""), Cell(total, f"{total:,}", "bold")])
    return table("", columns, rows)


def _undisclosed(result: ParamsResult, say: Words) -> Report:
    columns = [
        Column("who", "Rumoured by", right=False, wraps=True),
        Column("low", "From"),
        Column("high", "To"),
        Column("what", "What was said", right=False, wraps=True),
    ]
    rows = [
        [
            word(line.who),
            counted(line.low, say, Basis.RUMOURED.value),
            counted(line.high, say, Basis.RUMOURED.value),
            word(line.what),
        ]
        for line in result.rumours
    ]
    title = f"{result.model.name}: parameters undisclosed"
    tables = (table(title, columns, rows),) if rows else ()
    said = () if rows else (title,)
    label = ("The figures above are rumours; nobody who knows has confirmed one.",) if rows else ()
    return Report(
        tables,
        (
            *said,
            say.sentence(note("said", text=result.disclosure)),
            *label,
            *(say.sentence(told) for told in result.notes),
            f"Source: {result.model.source}",
        ),
    )
