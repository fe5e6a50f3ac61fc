"""The questions of the command line as functions; ``from llmscale import estimate`` takes them from here.

A string is one item wherever several may be given, a context may be ``"8k"``, and options of runtimes are keywords
(``ubatch=1024``). Whatever is wrong is a `LlmscaleError` with a ``hint``. Nothing is kept between two calls but tables
that were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, overload

from llmscale.answers import lists
from llmscale.answers.compare import compare as _compare
from llmscale.answers.estimate import DEFAULT_QUANTS
from llmscale.answers.estimate import estimate as _estimate
from llmscale.answers.filters import ModelFilter
from llmscale.answers.fits import fits as _fits
from llmscale.answers.load import load_of
from llmscale.answers.needs import needs as _needs
from llmscale.answers.needs_load import needs_load as _needs_load
from llmscale.answers.params import params as _params
from llmscale.answers.results.fits import FitsResult
from llmscale.api.arguments import ModelLike, Names, reference, references, several, texts, tokens
from llmscale.api.arguments import options as _options
from llmscale.api.shown import (
    CompareAnswer,
    DevicesAnswer,
    EstimateAnswer,
    FitsAnswer,
    FitsOverviewAnswer,
    ModelsAnswer,
    NeedsAnswer,
    NeedsLoadAnswer,
    ParamsAnswer,
    QuantsAnswer,
)
from llmscale.fit.question import DEFAULT_KV


def estimate(
    model: ModelLike,
    quants: Names | None = None,
    *,
    quant: Names | None = None,
    gpu: Names | None = None,
    gpus: Names | None = None,
    context: int | str | None = None,
    sequences: int | None = None,
    batch: int = 1,
    kv_dtype: str = DEFAULT_KV,
    runtime: str | None = None,
    options: Mapping[str, Any] | None = None,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    explain: bool = False,
    command: bool = False,
    assume: str | None = None,
    catalogue: str | None = None,
    users: int | None = None,
    prompt: int | str | None = None,
    answer: int | str | None = None,
    ttft: str | None = None,
    tpot: str | None = None,
    **runtime_options: Any,
) -> EstimateAnswer:
    """Memory of a model in each format, and whether it fits the devices that are named.

    >>> estimate("llama-3.1-8b", "q4_k_m", gpu="rtx4090", context="8k").estimates[0].devices[0].fits
    True

    Args:
        model: a name, a size such as ``"7B"``, a path, the content of a config.json or a config of transformers.
        quants, quant: formats; FP16, INT8 and INT4 when there are none.
        gpu, gpus: devices, ``"2x rtx3090"``.
        sequences, batch: sequences at once.
        command: whether the table has what to type.
        users, prompt, answer: how many ask at once, with so many tokens, and are answered with so many.
        ttft, tpot: how long they wait at most for the first token and for each other one: ``"1s"``, ``"50ms"``.
        runtime_options: options of the runtime by name.
    """
    devices = several(gpus, gpu)
    plain = (("kv_dtype", kv_dtype), ("runtime", runtime), ("reserve", reserve), ("quant_map", quant_map))
    texts(dict((*plain, ("sparsity", sparsity), ("assume", assume))))
    found = _estimate(
        reference(model),
        several(quants, quant) or DEFAULT_QUANTS,
        context=tokens(context),
        batch=batch if sequences is None else sequences,
        kv_dtype=kv_dtype,
        runtime=runtime,
        options=_options(options, runtime_options),
        gpus=devices,
        reserve=reserve,
        quant_map=quant_map,
        sparsity=sparsity,
        explain=explain,
        assume=assume,
        catalogue=catalogue,
        users=users,
        prompt=tokens(prompt, "--in"),
        answer=tokens(answer, "--out"),
        ttft=ttft,
        tpot=tpot,
    )
    return EstimateAnswer.of(found, named=bool(devices), explain=explain, command=command)


@overload
def fits(device: str, models: ModelLike | Iterable[ModelLike] | None = None, **asked: Any) -> FitsAnswer: ...
@overload
def fits(
    device: None = None, models: ModelLike | Iterable[ModelLike] | None = None, **asked: Any
) -> FitsOverviewAnswer: ...
def fits(
    device: str | None = None, models: ModelLike | Iterable[ModelLike] | None = None, **asked: Any
) -> FitsAnswer | FitsOverviewAnswer:
    """What to run on a device, or whether and how the models that are named fit it.

    >>> fits("rtx3060", "qwen3-14b").models[0].quant
    'q5_k_m'

    Args:
        asked: ``context``, ``sequences``, ``quant``, ``runtime`` and its options, ``reserve``; of a list also
            ``purpose``, ``licence``, ``sort``, ``limit``, ``min_context``, ``min_speed``, ``any_quant``,
            ``everything``.
    """
    said = _common(asked)
    if "min_context" in said:
        said["min_context"] = tokens(said["min_context"])
    found = _fits(device, references(models), **said)
    if isinstance(found, FitsResult):
        return FitsAnswer.of(found)
    shown = tuple(FitsAnswer.of(one) for one in found.devices)
    return FitsOverviewAnswer.of(replace(found, devices=shown))


@overload
def needs(model: ModelLike, quants: Names | None = None, *, users: int, **asked: Any) -> NeedsLoadAnswer: ...
@overload
def needs(model: ModelLike, quants: Names | None = None, *, users: None = None, **asked: Any) -> NeedsAnswer: ...
def needs(
    model: ModelLike, quants: Names | None = None, *, users: int | None = None, **asked: Any
) -> NeedsAnswer | NeedsLoadAnswer:
    """Which devices a model takes, smallest memory first; of many users which serve them, cheapest first.

    Args:
        users: how many ask at once, with ``prompt`` and ``answer``, and ``ttft`` and ``tpot`` if they do not wait long.
        asked: as in `fits`, and ``max_count``, ``max_price``, ``kinds``.
    """
    prompt, answer = tokens(asked.pop("prompt", None), "--in"), tokens(asked.pop("answer", None), "--out")
    sized = any(name in asked for name in ("context", "sequences", "batch"))
    load = load_of(users, prompt, answer, asked.pop("ttft", None), asked.pop("tpot", None), sized=sized)
    said = _common(asked)
    said["kinds"] = several(said.pop("kinds", None), said.pop("kind", None))
    formats = several(quants, said.pop("quants"))
    if load is None:
        return NeedsAnswer.of(_needs(reference(model), formats, **said))
    del said["context"]
    return NeedsLoadAnswer.of(_needs_load(reference(model), load, formats, **said))


def compare(
    models: ModelLike | Iterable[ModelLike], *more: ModelLike, quants: Names | None = None, catalogue: str | None = None
) -> CompareAnswer:
    """Models side by side: ``compare("gpt-3", "llama-2-70b")``, or a list of them."""
    named = [*references(models), *references(more)]
    return CompareAnswer.of(_compare(named, several(quants) or DEFAULT_QUANTS, catalogue=catalogue))


def params(
    model: ModelLike, *, exact: bool = False, assume: str | None = None, catalogue: str | None = None
) -> ParamsAnswer:
    """Where a model's parameters sit, in total and active.

    >>> params("llama-2-7b").parameters.total
    6738415616
    """
    return ParamsAnswer.of(_params(reference(model), assume=assume, catalogue=catalogue), exact=exact)


def models(word: str = "", *, catalogue: str | None = None, **wanted: Any) -> ModelsAnswer:
    """The catalogue, or those of it that have a word or are as `wanted`: ``family``, ``open``, ``since`` …"""
    return ModelsAnswer.of(lists.list_models(word, ModelFilter(**wanted), catalogue=catalogue))


def devices(word: str = "") -> DevicesAnswer:
    """The devices, or those that have a word."""
    return DevicesAnswer.of(lists.list_devices(word))


def quants(word: str = "", model: ModelLike | None = None, *, catalogue: str | None = None) -> QuantsAnswer:
    """The weight formats, or those that have a word; with the weights of a model in each."""
    named = None if model is None else reference(model)
    return QuantsAnswer.of(lists.list_quants(word, named, catalogue=catalogue))


#: Keywords of `fits` and `needs` that are none of a runtime's.
_KNOWN = frozenset({*(_fits.__kwdefaults__ or ()), *(_needs.__kwdefaults__ or ()), "quants", "kind"})


def _common(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords as answers take them; what is none of theirs is an option of a runtime."""
    said = {name: value for name, value in asked.items() if name in _KNOWN}
    rest = {name: value for name, value in asked.items() if name not in _KNOWN}
    texts(said)
    sequences, quant = rest.pop("sequences", None), rest.pop("quant", None)
    if sequences is not None:
        said["batch"] = sequences
    said["quants"] = several(said.get("quants"), quant)
    said["context"] = tokens(said.get("context"))
    said["options"] = _options(said.get("options"), rest)
    return said
