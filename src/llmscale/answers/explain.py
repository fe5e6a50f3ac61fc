"""``explain``: a word of the field, with figures that the other answers give."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.explain import ExplainedWords, ExplainResult, FigureTable, Meaning
from llmscale.errors import LlmscaleError, NotFoundError
from llmscale.glossary.entries import PLACE, Found, find, words
from llmscale.glossary.schema import Figures, Told
from llmscale.names import shortened
from llmscale.quantity import Basis
from llmscale.records import NamedTuple

EXACT, MODELLED = Basis.EXACT.value, Basis.MODELLED.value
#: Of a device: what is there is known, what a model takes of it is modelled.
MODELLED_SIZES = ("used_bytes", "free_bytes", "host_bytes", "kv_cache_bytes", "weights_bytes", "overhead_bytes")
#: Parts of what an estimate takes, and their sum; of a step of training, which has activations, a total is no sum.
PARTS = (
    "weights_bytes",
    "kv_cache_bytes",
    "state_bytes",
    "compute_bytes",
    "overhead_bytes",
    "mmproj_bytes",
    "draft_bytes",
)
TOTAL, REST, ACTIVATIONS = "total_bytes", "rest_bytes", "activations_bytes"


def explain(name: str) -> ExplainResult:
    """What the word `name` means.

    Raises:
        NotFoundError: nobody has explained it.
    """
    try:
        found = find(name)
    except NotFoundError as error:
        raise _meant(name) or error from None
    word = found.word
    return ExplainResult(
        word=found.id,
        name=found.name,
        aliases=tuple(word.aliases),
        meaning={language: _meaning(told, found) for language, told in (("en", word.en), ("zh", word.zh))},
        figures=tuple(_figures(asked, found) for asked in word.figures),
        ask=tuple(line.replace(PLACE, found.name) for line in word.ask),
        see=tuple(word.see),
        sources=tuple(word.sources),
    )


def _meant(name: str) -> NotFoundError | None:
    """What to say of the name of a device or a model, which is no word."""
    from llmscale.devices.local import named
    from llmscale.sources.registry import load

    for find_it, command in ((named, "devices show"), (load, "models show")):
        try:
            find_it(name)
        except LlmscaleError:
            continue
        return NotFoundError(f"'{shortened(name)}' is no word.", f"llmscale {command} {shlex.quote(name)}")
    return None


def explained_words() -> ExplainedWords:
    """Every word."""
    return ExplainedWords({name: _titles(find(name)) for name in words()})


def _titles(found: Found) -> dict[str, str]:
    return {language: told.title.replace(PLACE, found.name) for language, told in _told(found)}


def _told(found: Found) -> Iterator[tuple[str, Told]]:
    yield "en", found.word.en
    yield "zh", found.word.zh


def _meaning(told: Told, found: Found) -> Meaning:
    return Meaning(told.title.replace(PLACE, found.name), told.text.replace(PLACE, found.name))


def _figures(asked: Figures, found: Found) -> FigureTable:
    """The rows: one a value of what is varied, or one an item of the list that the answer has."""
    given = {key: _put_in(value, found.name) for key, value in asked.given.items()}
    columns = ([asked.vary] if asked.vary else []) + [path.rpartition(".")[2] for path in asked.show]
    rows, known = [], []
    for first, answer in _answers(asked, given):
        for row in _at(answer, asked.each) if asked.each else (answer,):
            rows.append((*first, *(_at(row, path) for path in asked.show)))
            known.append((*(EXACT for _ in first), *(_basis(row, path) for path in asked.show)))
    columns, rows, known = _adding_up(columns, rows, known)
    common = {key: value for key, value in given.items() if not isinstance(value, (list, dict))}
    return FigureTable({**common, **given.get("options", {})}, tuple(columns), tuple(rows), tuple(known))


def _adding_up(
    columns: list[str], rows: list[tuple[Any, ...]], known: list[tuple[str, ...]]
) -> tuple[list[str], list[tuple[Any, ...]], list[tuple[str, ...]]]:
    """With what the shown parts of a total leave of it before the total, so that the rows add up."""
    parts = [at for at, name in enumerate(columns) if name in PARTS]
    if TOTAL not in columns or not parts or ACTIVATIONS in columns:
        return columns, rows, known
    at = columns.index(TOTAL)
    rests = [row[at] - sum(row[part] or 0 for part in parts) for row in rows]
    if not any(rests):
        return columns, rows, known
    return (
        [*columns[:at], REST, *columns[at:]],
        [(*row[:at], rest, *row[at:]) for row, rest in zip(rows, rests, strict=True)],
        [(*said[:at], MODELLED, *said[at:]) for said in known],
    )


def _basis(row: Any, path: str) -> str:
    """How what stands at a path is known, as the answer says it."""
    above, _, key = path.rpartition(".")
    owner = _at(row, above) if above else row
    if isinstance(owner, DeviceFit):
        return MODELLED if key in (*MODELLED_SIZES, "max_context", "max_concurrency", "kv_cache_tokens") else EXACT
    said = getattr(owner, "basis", EXACT)
    if not isinstance(said, dict):
        return str(said)
    if key == "total_bytes":
        return EXACT if set(said.values()) == {EXACT} else MODELLED
    return str(said.get(key.removesuffix("_bytes"), EXACT))


def _answers(asked: Figures, given: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    ask = _ANSWERS[asked.ask]
    if not asked.vary:
        yield (), ask(**given)
        return
    for value in given[asked.vary]:
        yield (value,), ask(**{**given, asked.vary: value})


def _put_in(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_put_in(each, name) for each in value]
    return value.replace(PLACE, name) if isinstance(value, str) else value


def _at(value: Any, path: str) -> Any:
    """What stands at a path of names and numbers in an answer; None below what is not there."""
    for step in path.split("."):
        if value is None:
            return None
        if step.isdecimal():
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, dict) else getattr(value, step)
    return value


def _estimate(model: str, quant: Any = (), gpu: str = "", options: Any = None, **more: Any) -> Any:
    from llmscale.answers.estimate import estimate

    quants = [quant] if isinstance(quant, str) else quant
    return estimate(model, quants, gpus=[gpu] if gpu else [], options=options, **more)


def _params(model: str) -> Any:
    from llmscale.answers.params import params

    return params(model)


def _compare(models: list[str]) -> Any:
    from llmscale.answers.compare import compare

    return compare(models)


def _train(
    model: str,
    tokens: int | None = None,
    devices: str | None = None,
    checkpointing: str = "none",
    micro_batch: int = 1,
    objective: str = "sft",
    loss: str = "",
    **more: Any,
) -> Any:
    from llmscale.answers.train import train
    from llmscale.answers.train_compute import ComputeAsked
    from llmscale.answers.train_flops import StepAsked
    from llmscale.answers.train_memory import MemoryAsked

    return train(
        model,
        step=StepAsked(micro_batch=micro_batch, checkpointing=checkpointing),
        memory=MemoryAsked(micro_batch=micro_batch, checkpointing=checkpointing, objective=objective, loss=loss),
        run=ComputeAsked(tokens, devices),
        **more,
    )


def _scaling(**given: Any) -> Any:
    from llmscale.answers.scaling import scaling

    return scaling(**given)


class Stored(NamedTuple):
    """A model in a quant: what it takes, and the rise of perplexity, which another model stands for where ~ is said."""

    bits_per_weight: float | None
    weights_bytes: int | None
    percent: float | None
    basis: dict[str, str]


def _quant(quant: str, model: str) -> Stored:
    from llmscale.answers.lists import show_quant

    found = show_quant(quant, model)
    line = found.quants[0]
    bits = 8 * line.weights_bytes / found.model.parameters if line.weights_bytes and found.model else None
    loss = line.loss
    basis = {"percent": EXACT if loss is None or loss.own else MODELLED, "weights": line.weights_basis or EXACT}
    return Stored(bits, line.weights_bytes, loss.percent if loss else None, basis)


def _device(device: str) -> Any:
    from llmscale.answers.lists import show_device

    return show_device(device)


#: What a table of figures may ask, by the name of the command.
_ANSWERS: dict[str, Callable[..., Any]] = {
    "estimate": _estimate,
    "params": _params,
    "compare": _compare,
    "train": _train,
    "scaling": _scaling,
    "quant": _quant,
    "device": _device,
}
