"""``estimate``: what a model takes in each format, and which devices it fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from llmscale.answers.cautions import cautions
from llmscale.answers.explained import explained
from llmscale.answers.line import estimated
from llmscale.answers.load import LoadAsked, explained_load, load_of, served_load, serving
from llmscale.answers.placed import Laid, device_fit, enough, laid
from llmscale.answers.question import MAX_BATCH, common_devices, named_devices, named_ram, quants_of, question
from llmscale.answers.results.common import model_ref
from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.answers.results.later import begun
from llmscale.devices.sets import ANY_DEVICE, DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.bare import Bare
from llmscale.fit.choose import foreign, published, refuse_options
from llmscale.fit.pace import moved
from llmscale.fit.place import place
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import Counted, model_of
from llmscale.fit.under_load import held
from llmscale.formats.catalogue import quants as all_quants
from llmscale.formats.mixed import parse_map, unmatched
from llmscale.formats.recipe import AS_STORED, OWN_MIX, Quant
from llmscale.formats.select import selected
from llmscale.notes import Note, note, once
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import WEIGHTS
from llmscale.runtimes.refusals import reads, refusal, refuse_lacking, refuse_unread
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.sources.registry import load

DEFAULT_QUANTS = ("fp32", "fp16", "int8", "int4")
#: Memory of common cards; one sold as "24 GB" holds 24 GiB.
COMMON_GIB = (8, 12, 16, 24, 32, 48, 80)


def estimate(
    reference: str,
    quants: Iterable[str] = DEFAULT_QUANTS,
    *,
    context: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    runtime: str | None = None,
    gpus: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    explain: bool = False,
    assume: str | None = None,
    catalogue: str | None = None,
    file_size: str | None = None,
    users: int | None = None,
    prompt: int | None = None,
    answer: int | None = None,
    ttft: str | None = None,
    tpot: str | None = None,
) -> EstimateResult:
    """What a model takes in each format, and which devices it fits; common memory sizes when none is named.

    Args:
        runtime: its name, or ``name@release``; each quant's own when None.
        options: of the runtime, by name (``{"ubatch": 1024}``).
        explain: whether the result carries the formulas with the numbers put in.
        assume, catalogue: as in `load`.
        file_size: of a GGUF file that is not here.
        users, prompt, answer: how many ask at once, and the tokens of each; then context and sequences follow.
        ttft, tpot: times that they want to wait at most for the first token and for each other one: ``"50ms"``.
    """
    load_asked = load_of(users, prompt, answer, ttft, tpot, sized=context is not None or batch != 1)
    if load_asked:
        context, batch = load_asked.users.context, load_asked.users.number
    loaded = load(reference, assume=assume, catalogue=catalogue)
    quants = tuple(quants)
    if file_size is not None or any(quant.strip().lower().startswith(OWN_MIX) for quant in quants):
        from llmscale.answers.file_size import of_file  # most ask about no file

        loaded, quants = of_file(loaded, quants, file_size, quant_map or sparsity, DEFAULT_QUANTS)
    spec = loaded.known()
    model = model_of(spec, loaded.stored, loaded.notes)
    gpus = tuple(gpus)
    asked = question(context, batch, kv_dtype, runtime, named_ram(gpus, options, runtime), catalogue)
    named = named_devices(gpus, reserve, options)
    sets = named or common_devices(COMMON_GIB, reserve)
    if asked.runtime:
        refuse_lacking(find_runtime(asked.runtime).info, model.about.family, model.about.name)
    one = _Asked(model, asked, named, sets, reference, catalogue, explain, load_asked)
    said, plain = tuple(quants), not (quant_map or sparsity)
    wanted = quants_of(() if said == DEFAULT_QUANTS else said, loaded, asked.runtime) or DEFAULT_QUANTS
    forms: list[Quant] = []
    lines: list[_Line] = []
    kept: list[_Line] = []
    left_out: list[str] = []
    if loaded.stored and _as_stored(loaded.stored, said, asked):
        forms = [loaded.stored]
        lines, left_out = _lines(one, forms, lenient=False)
    elif plain:
        forms, lines, left_out = _usual_lines(one, wanted)
    if not lines:
        forms, lenient = _forms(wanted, asked.runtime, quant_map, sparsity)
        lines, left_out = _lines(one, forms, lenient)
        if plain and wanted == DEFAULT_QUANTS and not (named or asked.runtime):
            kept = _as_published(one, forms[-1].runtime)
            lines = [*kept, *lines]
    foreign_notes = once(why for line in lines for why in line.foreign)
    if foreign_notes and not any(line.estimate.devices for line in lines):
        raise refusal(foreign_notes[0])
    if not lines:
        raise UnsupportedModelError(f"{spec.name} cannot be had in any of these quants.", "See llmscale quants list.")
    notes = [*(told for devices in named for told in devices.notes), *model.about.said(asked.predicts), *foreign_notes]
    if kept:
        notes.append(note("as_published", model=spec.name, quant=kept[0].estimate.quant))
    if left_out:
        notes.append(note("not_available_in", model=spec.name, quants=left_out))
    notes += cautions(model, [line.laid for line in lines], named, context)
    if quant_map and isinstance(model, Counted):
        notes += _slips(quant_map, forms[0], model)
    first = lines[0]
    work = first.laid[0].asked  # a runtime's own option may have named the cache
    return EstimateResult(
        model=model_ref(model.about),
        runtime=first.estimate.runtime,
        release=first.estimate.release,
        context=first.context,
        batch=first.batch,
        kv_dtype=work.kv.id if work.kv_v is None else f"k={work.kv.id},v={work.kv_v.id}",
        estimates=tuple(line.estimate for line in lines),
        explanation=tuple(sentence for line in lines for sentence in line.explanation),
        notes=once([*notes, *([held()] if load_asked else [])]),
        users=users,
    )


def _as_stored(stored: Quant, quants: tuple[str, ...], asked: Question) -> bool:
    """Whether a file that is at hand is asked about as it is: by its name, or unless another format is named."""
    return quants == (AS_STORED,) or (quants in ((), DEFAULT_QUANTS) and reads(asked.runs(stored).info, stored))


class _Asked(NamedTuple):
    """One question about one model on some devices."""

    model: Counted | Bare
    question: Question
    named: list[DeviceSet]
    sets: list[DeviceSet]
    reference: str
    catalogue: str | None
    explain: bool
    load: LoadAsked | None


class _Line(NamedTuple):
    """What one quant comes to.

    Attributes:
        laid: on the devices that were named, or on one without limit.
        foreign: why nothing is said of some devices.
    """

    estimate: Estimate
    laid: list[Laid]
    foreign: list[Note]
    explanation: list[str]
    context: int
    batch: int


def _forms(
    quants: tuple[str, ...], runtime: str | None, quant_map: str | None, sparsity: str | None
) -> tuple[list[Quant], bool]:
    """The quants that are meant, see `selected`; a runtime that does not run the usual ones has its own."""
    usual = find_runtime(runtime).info.usual if runtime and quants in ((), DEFAULT_QUANTS) else ()
    forms, lenient = selected(usual or quants or DEFAULT_QUANTS, quant_map, sparsity)
    return forms, lenient or bool(usual)


def _usual_lines(asked: _Asked, quants: Iterable[str]) -> tuple[list[Quant], list[_Line], list[str]]:
    """Lines in what people run on the devices that were named, where no quant and no runtime was."""
    if tuple(quants) not in ((), DEFAULT_QUANTS) or not (asked.named or asked.question.runtime):
        return [], [], []
    from llmscale.answers.usual import usual  # most name a quant, or no device

    found = usual(asked.model, asked.named, asked.question.runtime)
    if found is None:
        return [], [], []
    one = asked._replace(question=asked.question._replace(runtime=found.runtime))
    try:
        return list(found.quants), *_lines(one, found.quants, lenient=True)
    except UsageError:  # the runtime refuses these devices, or an option is another's: each quant's own says more
        return [], [], []


def _as_published(asked: _Asked, runtime: str) -> list[_Line]:
    """A line in the format that the model is published quantised in, on `runtime` where that reads it."""
    if not asked.model.about.published_in:
        return []  # as most are, of which no quant is looked at
    found = published(asked.model, asked.model.has(quant for quant in all_quants() if quant.keeps))
    if found is None:
        return []
    question = asked.question._replace(runtime=runtime if runtime in found.readers else None)
    return _lines(asked._replace(question=question), [found], lenient=True)[0]


def _lines(asked: _Asked, forms: Sequence[Quant], lenient: bool) -> tuple[list[_Line], list[str]]:
    """A line for each quant, and the names of those that the model cannot be had in."""
    lines, left_out = [], []
    for form in forms:
        try:
            lines.append(_line(asked, form))
        except UnsupportedModelError:
            if not lenient:
                raise
            left_out.append(form.name)
    return lines, left_out


def _line(asked: _Asked, form: Quant) -> _Line:
    model, question = asked.model, asked.question
    if asked.load and question.runtime is None:
        question = question._replace(runtime=serving(form))
    runtime = question.runs(form)
    refuse_unread(runtime.info, form)
    refuse_lacking(runtime.info, model.about.family, model.about.name)
    refuse_options(question, runtime.info.name)
    subject = model.subject(form, runtime.info.engine or runtime.info.name)
    told = [(devices, foreign(form, question, devices)) for devices in asked.sets]
    work = question.work(model.about, form, asked.named)
    sets = [enough(devices, runtime.ranks(work)) for devices, why in told if why is None]

    def on(devices: DeviceSet) -> Laid:
        return laid(runtime, subject, work, place(runtime, subject, work, devices), devices)

    def fit(devices: DeviceSet) -> DeviceFit:
        def finish() -> DeviceFit:
            return _device_fit(asked, on(devices))

        known: dict[str, Any] = {"id": devices.id, "count": devices.count, "memory_bytes": devices.memory}
        if not question.options and whole[0].placed.of(WEIGHTS, host=False).low > devices.memory:
            known["fits"] = False  # no option leaves weights elsewhere
        return begun(DeviceFit, finish, **known)

    if asked.named and sets:
        whole = [on(devices) for devices in sets]
        fits = tuple(_device_fit(asked, one) for one in whole)
    else:
        whole = [on(enough(ANY_DEVICE, runtime.ranks(work)))]
        fits = tuple(fit(devices) for devices in sets)
    explanation = explained(whole, bool(asked.named)) if asked.explain else []
    if asked.explain and asked.load and asked.named:
        explanation += [told for one in whole for told in explained_load(one, moved(one.subject), asked.load)]
    return _Line(
        estimate=estimated(runtime, subject, model.about.parameters, whole[0].placed, fits),
        laid=whole,
        foreign=[why for _, why in told if why is not None],
        explanation=explanation,
        context=whole[0].settled.work.context,
        batch=whole[0].settled.work.batch,
    )


def _device_fit(asked: _Asked, one: Laid) -> DeviceFit:
    from llmscale.answers.named import called  # an estimate of no device in particular needs neither
    from llmscale.answers.serving import remedies, users

    about = asked.model.about
    what = moved(one.subject)
    found = device_fit(one, about, MAX_BATCH, what, partial(called, about, asked.reference, asked.catalogue))
    if asked.load and asked.named:
        found = replace(found, under_load=served_load(one, what, asked.load))
    if one.placed.capacity is None or not asked.named:
        return found
    return replace(found, users=tuple(users(one, about)), remedies=tuple(remedies(one, asked.model, asked.question)))


def _slips(quant_map: str, form: Quant, model: Counted) -> list[Note]:
    """Rules of the map that change nothing."""
    rules = unmatched(parse_map(quant_map), model.subject(form, "").stored)
    return [note("map_names_nothing", rule=rule, model=model.about.name) for rule in rules]
