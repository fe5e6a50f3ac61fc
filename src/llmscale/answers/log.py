"""``log``: a runtime's start-up log beside the estimate, term by term.

The log says which model, quant, context, options and devices; what it does not say can be said. The same question is
then laid out as ``estimate`` does it, and each figure of the log stands beside the same part of that placement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmscale.answers.log_devices import devices_of
from llmscale.answers.log_trouble import trouble
from llmscale.answers.placed import Laid, enough, laid
from llmscale.answers.question import quants_of, question
from llmscale.answers.results.common import model_ref
from llmscale.answers.results.log import LogResult, LogTerm
from llmscale.errors import InputFileError, NotFoundError, UsageError
from llmscale.fit.bare import Bare
from llmscale.fit.place import place
from llmscale.fit.question import DEFAULT_KV
from llmscale.fit.subject import Counted, model_of
from llmscale.formats.ladder import originals
from llmscale.formats.select import named as named_quant
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.runtimes.logged import Logged, Term
from llmscale.runtimes.logs import read
from llmscale.runtimes.placed import CACHE, Placement, Usage
from llmscale.runtimes.registry import AT
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.sources.interface import Loaded
from llmscale.sources.registry import load

#: Formats that say no more than that weights are not quantised.
_PLAIN = ("bf16", "fp16", "fp32")


class Said(NamedTuple):
    """What the user says of a log that does not say it; None and empty for what the log says.

    Attributes:
        runtime: its name, or ``name@release``.
    """

    model: str | None = None
    quant: str | None = None
    context: int | None = None
    gpus: tuple[str, ...] = ()
    catalogue: str | None = None
    batch: int | None = None
    kv: str | None = None
    runtime: str | None = None
    options: Mapping[str, Any] = {}

    def of(self, told: Logged) -> Logged:
        """The log with what the user says in the stead of what it tells.

        Raises:
            NotFoundError: there is no such runtime.
            UsageError: the log is another runtime's, or of a release that was not read.
        """
        name, release = told.runtime, told.release
        if self.runtime is not None:
            found = find_runtime(self.runtime)
            if told.known and found.info.name != told.runtime:
                raise UsageError(f"The log is of {find_runtime(told.runtime).info.title}.", "Leave --runtime away.")
            name, release = found.info.name, found.release if AT in self.runtime else told.release
        said = {option: value for option, value in self.options.items() if value is not None}
        return told._replace(
            runtime=name,
            release=release,
            context=told.context if self.context is None else self.context,
            batch=told.batch if self.batch is None else self.batch,
            kv=self.kv or told.kv,
            options={**told.options, **said},
        )


NOTHING = Said()


def read_log(text: str) -> Logged:
    """What a log tells.

    Raises:
        InputFileError: it is no runtime's start-up log, or says nothing of memory.
    """
    found = read(text)
    if found is None:
        raise InputFileError(
            "No figure of memory was found in it.",
            "A start-up log of llama.cpp, Ollama, vLLM, SGLang, LMDeploy or TensorRT-LLM is expected, with the lines "
            "on buffers or weights, or PyTorch's line on memory that it did not get.",
        )
    return found


def log(text: str, said: Said = NOTHING) -> LogResult:
    """The log's figures beside the estimate's.

    Raises:
        InputFileError: it is no start-up log.
        NotFoundError: the model or a device is not known by what the log calls it.
        UsageError: the log does not say which model or format, and nobody does.
    """
    told = said.of(read_log(text))
    loaded = _model(told, said)
    asked = _Asked(told, loaded, model_of(loaded.spec, loaded.stored, loaded.notes), said)
    one, notes = _laid(asked)
    placed = one.placed
    terms = tuple(_terms(told, placed))
    capacity = placed.capacity
    return LogResult(
        model=model_ref(asked.model.about),
        quant=one.subject.quant.id,
        runtime=told.runtime,
        release=told.release,
        compared_release=one.runtime.release,
        context=one.settled.work.context,
        batch=told.batch,
        kv_dtype=told.kv or DEFAULT_KV,
        options={name: _plain(one.asked.option(name), value) for name, value in told.options.items()},
        device="" if one.devices.unnamed else one.devices.id,
        terms=terms,
        cache_tokens=told.tokens,
        estimate_cache_tokens=capacity.tokens if capacity else None,
        trouble=trouble(told, one, asked.model),
        notes=(*notes, *loaded.notes, *one.devices.notes, *placed.notes),
    )


def _plain(read: object, said: object) -> object:
    """An option's value as it was read; what stands for a model or a format stays as it was said."""
    return read if isinstance(read, int | float | str) else said


class _Asked(NamedTuple):
    """A log, and the model that it is of."""

    told: Logged
    loaded: Loaded
    model: Counted | Bare
    said: Said


def _model(told: Logged, said: Said) -> Loaded:
    """The model by what the user or the log calls it, the first name that is known."""
    names = (said.model,) if said.model else told.models
    if not names:
        raise UsageError("The log does not say which model it is of.", "Say it: --model llama-3.1-8b.")
    missing: list[NotFoundError] = []
    for name in names:
        try:
            found = load(name, catalogue=said.catalogue)
        except NotFoundError as error:
            missing.append(error)
            continue
        if isinstance(found, Loaded):
            return found
        found.known()
    hint = "" if said.model else "Say which it is: --model NAME. "
    raise NotFoundError(missing[0].message, hint + missing[0].hint)


def _quant(asked: _Asked) -> str:
    """The quant that was asked for, else the log's own word; a format in the model's name goes before a plain type."""
    told, named = asked.told.quant, asked.loaded.quant
    found = asked.said.quant or (named if told in ("", *_PLAIN) and named else told)
    if found:
        return quants_of((found,), None, asked.told.runtime)[0]
    published = asked.loaded.spec.published_in
    if published and (kept := [quant.id for quant in originals(asked.told.runtime) if published in quant.keeps]):
        return kept[0]
    usual = find_runtime(asked.told.runtime).info.usual or _PLAIN
    raise UsageError("The log does not say which format the weights are in.", f"Say it: -q {usual[0]}.")


def _laid(asked: _Asked) -> tuple[Laid, list[Note]]:
    """The same question on the same devices, with what was taken for what the log does not say."""
    told, notes = asked.told, list[Note]()
    name, release = told.runtime, told.release
    try:
        runtime = find_runtime(f"{name}{AT}{release}" if release else name)
    except UsageError:
        runtime = find_runtime(name)
        notes.append(note("log_release_unread", release=release, compared=runtime.release))
    devices, more = devices_of(told, asked.said.gpus)
    notes += more
    form = named_quant(_quant(asked))
    version = f"{name}{AT}{runtime.release}"
    ask = question(told.context, told.batch, told.kv or DEFAULT_KV, version, told.options)
    subject = asked.model.subject(form, runtime.info.engine or name)
    work = ask.work(asked.model.about, form, [] if devices.unnamed else [devices])
    devices = enough(devices, runtime.ranks(work))
    if told.context is None and not told.known:
        notes.append(note("log_no_context", context=work.context))
    return laid(runtime, subject, work, place(runtime, subject, work, devices), devices), notes


def _terms(told: Logged, placed: Placement) -> Iterator[LogTerm]:
    """The figures of the log, each kind on each device once, beside the same part of the placement."""
    together: dict[tuple[str, int | None], list[Term]] = {}
    for one in told.terms:
        together.setdefault((one.kind, one.device), []).append(one)
    for (kind, device), found in together.items():
        printed, step = sum(one.bytes for one in found), sum(one.step for one in found)
        # Without its device nobody knows what a cache that is made ahead holds; a request's share is no answer.
        ahead = kind == CACHE and placed.capacity is None and told.tokens is not None
        said = None if ahead else _part(placed, kind, device)
        yield LogTerm(kind, device, printed, step, said, None if said is None else printed - said)


def _part(placed: Placement, kind: str, device: int | None) -> int | None:
    """Bytes of that kind there; of a cache that is made ahead all that it holds, where the device is known."""
    if device is not None and device >= len(placed.devices):
        return None
    if kind == CACHE and placed.capacity is not None:
        return placed.capacity.bytes
    usage: Usage = placed.host if device is None else placed.devices[device]
    return sum(part.size.value for part in usage.parts if part.kind == kind)
