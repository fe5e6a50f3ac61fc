"""``train`` of a size whose shape nobody gave: real models of about that size answer, and their ends are the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from llmscale.answers.results.common import model_ref
from llmscale.answers.results.train import TrainResult
from llmscale.answers.results.train_fit import TrainFit, TrainWay
from llmscale.answers.train_fit import UNKNOWN
from llmscale.errors import LlmscaleError, UsageError
from llmscale.fit.neighbours import NEIGHBOURHOOD, neighbours
from llmscale.fit.subject import model_of
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.notes import note
from llmscale.quantity import Basis
from llmscale.runtimes.placed import Usage
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load

#: Models that answer, the nearest in size first.
MOST = 12


def of_size(spec: ModelSpec, answer: Callable[[ModelSpec], TrainResult]) -> TrainResult:
    """The answer of the nearest model, with the ends of all when each is brought to the size.

    Raises:
        UsageError: no model of about that size can be trained so.
    """
    parts = inventory(spec)
    total = parts.total()
    found = list(islice(_answers(total, parts.active(), answer), MOST))
    if not found or not 1 / NEIGHBOURHOOD <= found[0].total_parameters / total <= NEIGHBOURHOOD:
        raise UsageError(
            f"{spec.name} is a size without a shape, and no model of about that size can be trained so.",
            "Name a model: llmscale models list.",
        )
    nearest = found[0]
    return replace(
        nearest,
        model=replace(model_ref(model_of(spec).about), basis=Basis.ASSUMED.value),
        ranges={
            "trainable_parameters": _ends(found, total, lambda each: each.trainable_parameters),
            "memory.states_bytes": _ends(found, total, lambda each: each.memory.states_bytes),
            "memory.total_bytes": _ends(found, total, lambda each: each.memory.total_bytes or 0),
        },
        fit=_fit(found, total),
        notes=(note("shape_assumed", name=spec.name, model=nearest.model.name, models=len(found)), *nearest.notes),
    )


def _answers(total: int, active: int, answer: Callable[[ModelSpec], TrainResult]) -> Iterator[TrainResult]:
    for near in neighbours(total, active < total):
        loaded = load(near.id)
        if isinstance(loaded, Undisclosed) or not loaded.spec.shape_known:
            continue
        try:
            found = answer(loaded.spec)
        except LlmscaleError:  # it lacks what was named, as a target of adapters
            continue
        if found.memory.total_bytes is not None:
            yield found


def _ends(found: list[TrainResult], total: int, size: Callable[[TrainResult], int]) -> tuple[int, int]:
    scaled = [round(size(each) * total / each.total_parameters) for each in found]
    return min(scaled), max(scaled)


def _fit(found: list[TrainResult], total: int) -> TrainFit | None:
    """That of the nearest, with the ends of all; surely fits what does of every one."""
    nearest, every = found[0].fit, [(one.fit, total / one.total_parameters) for one in found if one.fit]
    if nearest is None:
        return None
    low, high = _around(nearest.used_bytes, [(fit.used_range, scale) for fit, scale in every])
    return replace(
        nearest,
        used_range=(low, high),
        fits=nearest.fits if nearest.fits == UNKNOWN else Usage(nearest.usable_bytes, (), (low, high)).verdict.value,
        max_micro_batch=min(fit.max_micro_batch for fit, _ in every),
        max_sequence=min(fit.max_sequence for fit, _ in every),
        changes=tuple(_way(way, [(fit.changes, scale) for fit, scale in every], nearest) for way in nearest.changes),
        methods=tuple(_way(way, [(fit.methods, scale) for fit, scale in every], nearest) for way in nearest.methods),
    )


def _way(way: TrainWay, every: list[tuple[tuple[TrainWay, ...], float]], fit: TrainFit) -> TrainWay:
    alike = [(one.used_range, scale) for ways, scale in every for one in ways if one.flags == way.flags]
    low, high = _around(way.used_bytes, alike)
    return replace(way, used_range=(low, high), fits=Usage(fit.usable_bytes, (), (low, high)).verdict.value)


def _around(used: int, ranges: list[tuple[tuple[int, int], float]]) -> tuple[int, int]:
    """The ends of ranges brought to the size, with what is shown between them."""
    low = min(round(least * scale) for (least, _), scale in ranges)
    high = max(round(most * scale) for (_, most), scale in ranges)
    return min(low, used), max(high, used)
