"""``models``, ``devices`` and ``quants``: catalogues as tables, one entry as a list of facts."""

from __future__ import annotations

from llmscale.answers.results.common import SizedModelRef
from llmscale.answers.results.lists import (
    AddedModel,
    DevicesResult,
    LinkLine,
    ModelResult,
    ModelsResult,
    QuantLine,
    QuantsResult,
)
from llmscale.notes import Note, note
from llmscale.render.report import Cell, Column, Report, table, whole, word
from llmscale.render.views.cells import LOSS_NOTE, counted, gib, loss, loss_word
from llmscale.render.views.next import typed
from llmscale.render.words import Words
from llmscale.units import format_gib

UNKNOWN = "unknown"
#: What most files of models are in.
USUAL = "q4_k_m"
FACT = (Column("fact", "", right=False), Column("value", "", right=False, wraps=True))


def models_view(result: ModelsResult, say: Words) -> Report:
    """All models found, in the catalogue's order."""
    columns = [
        Column("id", "Model", right=False, wraps=True),
        Column("parameters", "Parameters"),
        Column("active_parameters", "Active", spare=2),
        Column("context", "Context", spare=1),
        Column("publisher", "", right=False),
        Column("released", "Released"),
        Column("open", "", right=False),
        *(Column(key, "", right=False) for key in ("source", "family", "modality", "licence")),
    ]
    rows = [
        [
            word(line.id),
            counted(line.parameters, say, line.basis),
            counted(line.active_parameters, say, line.basis)
            if line.active_parameters != line.parameters
            else Cell(line.active_parameters, ""),
            whole(line.context),
            Cell(line.publisher, ""),
            word(line.released),
            Cell(line.open, ""),
            Cell(line.source, "user" if line.source == "user" else ""),
            *(Cell(value, "") for value in (line.family, line.modality, line.licence)),
        ]
        for line in result.models
    ]
    undisclosed = any(line.parameters is None for line in result.models)
    notes = [_total(len(rows), "model")] + (["- : not disclosed."] if undisclosed else [])
    return Report((table("", columns, rows),) if rows else (), tuple(notes))


def model_view(result: ModelResult, say: Words) -> Report:
    """One model: facts, sources, and the config as its publisher wrote it."""
    line = result.model
    facts = [
        ("id", line.id),
        ("aliases", ", ".join(result.aliases)),
        ("publisher", line.publisher),
        ("parameters", f"{line.parameters:,} ({line.basis})" if line.parameters else "undisclosed"),
        ("active parameters", f"{line.active_parameters:,}" if line.active_parameters else ""),
        ("stated", f"{result.stated_parameters:,}" if result.stated_parameters else ""),
        ("why it differs", result.difference),
        ("disclosure", result.disclosure),
        ("modality", line.modality),
        ("context", f"{line.context:,}" if line.context else ""),
        ("context as stated", f"{result.stated_context:,}: {result.stated_how}" if result.stated_context else ""),
        ("calls tools", {True: "yes", False: "no", None: ""}[result.tools]),
        ("languages", ", ".join(result.languages)),
        ("training tokens", f"{line.training_tokens:,}" if line.training_tokens else ""),
        ("licence", line.licence),
        ("released", line.released),
        ("note", result.note),
        ("on the hub", result.hub),
        ("in Ollama's library", result.ollama),
        ("GGUF files", ", ".join(result.gguf)),
        ("read in", result.capabilities_source),
        ("source", result.source),
        ("config source", result.config_source),
        ("config read in", result.checked),
        ("user's catalogue", result.catalogue),
    ]
    rows = [[word(name, "bold"), word(text)] for name, text in facts if text]
    tables = [table(line.name, FACT, rows)]
    if result.config:
        lines = [[word(key, "bold"), word(str(value))] for key, value in result.config.items()]
        tables.append(table("config.json", FACT, lines))
    return Report(tuple(tables))


def added_view(result: AddedModel, say: Words) -> Report:
    """What was written, and where."""
    facts = [
        ("id", word(result.id)),
        ("parameters", counted(result.parameters, say)),
        ("active_parameters", counted(result.active_parameters, say)),
        ("catalogue", word(result.catalogue)),
    ]
    notes = [f"The entry '{result.id}' that stood there is replaced."] if result.replaced else []
    if result.hides:
        notes.append(
            f"Your '{result.id}' now answers to a name of what ships with llmscale: {', '.join(result.hides)}."
        )
    rows = [[word(name.replace("_", " "), "bold"), cell] for name, cell in facts]
    return Report((table("Added", FACT, rows),), tuple(notes))


def devices_view(result: DevicesResult, say: Words) -> Report:
    """All devices found, or the facts of one."""
    if len(result.devices) == 1:
        return _device(result)
    columns = [
        Column("id", "Device", right=False, wraps=True),
        Column("kind", "Kind", right=False, spare=2),
        Column("memory_bytes", "Memory GiB"),
        Column("bandwidth_gb_s", "Memory GB/s"),
        Column("fp16_tflops", "FP16 TFLOPS"),
        Column("power_w", "Power W", spare=1),
        Column("price_usd", "Price USD"),
        Column("released", "Year", spare=3),
    ]
    rows = [
        [
            word(line.id),
            word(line.kind),
            gib(line.memory_bytes),
            _number(line.bandwidth_gb_s),
            _number(line.fp16_tflops),
            _number(line.power_w),
            _number(line.price_usd),
            Cell(line.released, str(line.released)),
        ]
        for line in result.devices
    ]
    note = f"{_total(len(rows), 'device')} Memory as drivers report it where known; FP16 dense; price at launch."
    return Report((table("", columns, rows),) if rows else (), (note,))


def _device(result: DevicesResult) -> Report:
    line = result.devices[0]
    recalled = ", ".join(line.recalled)
    facts = [
        ("id", line.id),
        ("aliases", ", ".join(line.aliases)),
        ("vendor", line.vendor),
        ("kind", line.kind),
        ("generation", line.generation or UNKNOWN),
        (
            "memory",
            f"{format_gib(line.memory_bytes)} GiB ({'the driver says' if line.memory_basis == 'exact' else 'as sold'})",
        ),
        ("memory kind", line.memory_kind or UNKNOWN),
        ("share for the GPU", f"{line.gpu_share:.0%}" if line.gpu_share else ""),
        ("bandwidth", f"{line.bandwidth_gb_s:,g} GB/s" if line.bandwidth_gb_s else ""),
        ("FP16", f"{line.fp16_tflops:,g} TFLOPS without sparsity" if line.fp16_tflops else ""),
        ("compute capability", line.compute_capability or ""),
        ("threads of a multiprocessor", f"{line.threads_per_sm:,}" if line.threads_per_sm else ""),
        ("several are linked by", _link(line.link)),
        ("the driver calls it", line.driver_name),
        ("power", f"{line.power_w:,g} W" if line.power_w else ""),
        ("price at launch", f"{line.price_usd:,.0f} USD" if line.price_usd else ""),
        ("released", str(line.released)),
        ("note", line.note),
        ("source", line.source),
        ("not checked against a source", recalled),
    ]
    return Report((table(line.name, FACT, [[word(name, "bold"), word(text)] for name, text in facts if text]),))


def _link(link: LinkLine | None) -> str:
    """What links several, in a sentence."""
    if link is None:
        return UNKNOWN
    slot = f"PCI Express {link.pcie}.0 x{link.lanes}" if link.pcie and link.lanes else "PCI Express"
    slot += f", {_rate(link.slot_gb_s)}"
    others = f" to {link.peers} others" if link.peers and link.peers > 1 else ""
    said = {
        "switch": f"{link.name} through a switch, {_rate(link.gb_s)}",
        "fabric": f"{link.name}{others}, {_rate(link.gb_s)}",
        "bridge": f"{link.name} bridge{others}, {_rate(link.gb_s)}",
        "pcie": slot,
        "none": "nothing within one machine",
    }[link.kind]
    return said + (f"; with a bridge, sold apart, {_rate(link.bridge_gb_s)}" if link.bridge_gb_s else "")


def _rate(gb_s: float | None) -> str:
    return f"{gb_s:,g} GB/s one way" if gb_s else f"speed {UNKNOWN}"


def quants_view(result: QuantsResult, say: Words) -> Report:
    """The quants found, with their sizes where a model was named."""
    sized = result.model is not None
    losses = any(line.loss for line in result.quants)
    columns = [
        Column("id", "Quant", right=False),
        Column("bits_per_weight", "Bits per weight"),
        Column("weights_bytes", "Weights GiB" if sized else ""),
        Column("loss_percent", "Loss %", note=say.phrase(LOSS_NOTE) if losses else ""),
        Column("readers", "Read by", right=False, wraps=True),
        Column("hardware", "Needs", right=False, wraps=True),
    ]
    rows = [
        [
            word(line.id, "bold"),
            _bits(line, result.model),
            _quant_size(line) if sized else Cell(None, ""),
            loss(line.loss),
            Cell(" ".join(line.readers), ", ".join(line.readers)),
            Cell(line.hardware, line.hardware),
        ]
        for line in result.quants
    ]
    title = ""
    if result.model:
        size = counted(result.model.parameters, say).text
        title = say.sentence(note("model_of_size", model=result.model.name, size=size))
    notes = []
    if sized and any(line.weights_bytes is None for line in result.quants):
        notes.append("-: this model cannot be had so.")
    hidden = say.sentence(note("quants_hidden", hidden=result.hidden))
    notes.append(hidden if result.hidden else _total(len(rows), "quant"))
    lead = (say.sentence(_in_use(result, say)),) if result.hidden else ()
    lines = tuple(typed(("llmscale quants show q4_k_m", "llmscale explain q4_k_m"), say)) if result.hidden else ()
    return Report((table(title, columns, rows),) if rows else (), tuple(notes), lead, typed=lines)


def _in_use(result: QuantsResult, say: Words) -> Note:
    """What the format that most files are in makes of the model, beside the widest that it can be had in."""
    had = [line for line in result.quants if line.weights_bytes]
    most = next((line for line in had if line.id == USUAL), had[-1] if had else None)
    return note(
        "quants_in_use",
        model=result.model.name if result.model else "",
        widest=had[0].id.upper() if had else "",
        whole=format_gib(had[0].weights_bytes or 0) if had else "",
        quant=most.id.upper() if most else "",
        weights=format_gib(most.weights_bytes or 0) if most else "",
        loss=loss_word(most.loss, say).text if most else "",
    )


def _bits(line: QuantLine, model: SizedModelRef | None) -> Cell:
    """Bits per weight: what it states, or what it comes to over the whole of a model."""
    if model is None:
        return Cell(line.bits_per_weight, f"{line.bits_per_weight:g}")
    if line.weights_bytes is None:
        return Cell(None, "-")
    whole_model = 8 * line.weights_bytes / model.parameters
    return Cell(whole_model, f"{whole_model:.4g}")


def _quant_size(line: QuantLine) -> Cell:
    return Cell(None, "-") if line.weights_bytes is None else gib(line.weights_bytes, line.weights_basis or "")


def quant_view(result: QuantsResult, say: Words) -> Report:
    """One quant with its sources."""
    (line,) = result.quants
    rules = [(f"  {what}", form) for what, form in line.rules.items()]
    size = f"{line.weights_bytes:,} bytes" if line.weights_bytes else "not to be had"
    facts = [
        ("id", line.id),
        ("aliases", ", ".join(line.aliases)),
        ("bits per weight", f"{line.bits_per_weight:g}"),
        ("weights of " + result.model.name if result.model else "", size if result.model else ""),
        ("read by", ", ".join(line.readers)),
        ("needs", line.hardware),
        ("meant for", line.meant_for),
        ("loss", f"{line.loss.percent:+.2f} % perplexity ({line.loss.source})" if line.loss else ""),
        ("number format of", "" if not rules else "the first that matches"),
        *rules,
        ("rows it cannot hold", "refused" if line.narrow == "refuse" else line.narrow if rules else ""),
        ("runtime", line.runtime),
        ("note", line.note),
        ("source", line.source),
    ]
    return Report((table(line.name, FACT, [[word(name, "bold"), word(text)] for name, text in facts if text]),))


def _total(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}."


def _number(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value:,g}" if value < 1e6 else f"{value:,.0f}")
