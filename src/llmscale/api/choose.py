"""Choosing a quant: of those that a model can be had in, the one with the least loss that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmscale.api.model import Model
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit import Fit, first_that_fits, fit
from llmscale.footprint import Candidate
from llmscale.formats.ladder import FALLBACK, by_quality, ladder, originals
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.runtimes import runtime as find_runtime
from llmscale.runtimes.interface import Workload

DEFAULT_RUNTIME = "llama.cpp"

#: A quant that a model can be had in, and the model in it.
Step = tuple[Quant, Candidate]


class Asked(NamedTuple):
    """What is asked of every model; the first of `ladders` that a model can be had in at all counts.

    Attributes:
        originals: quants that keep the tensors of checkpoints that are published quantised; none where somebody names
            the quants.
    """

    context: int | None
    batch: int
    kv: Format
    ladders: tuple[tuple[Quant, ...], ...]
    originals: tuple[Quant, ...]

    def keeping(self, method: str) -> list[Quant]:
        """The quants that keep a checkpoint of this ``quant_method`` as it is."""
        return [quant for quant in self.originals if method and method in quant.keeps]


def asked(
    context: int | None,
    batch: int,
    kv: Format,
    names: Sequence[str],
    runtime: str | None,
    quant_map: str | None = None,
    sparsity: str | None = None,
) -> Asked:
    """The question, with the quants to choose from, best first: those named, all of a runtime, or llama.cpp's.

    What llama.cpp cannot load is run from its published files instead, unless a runtime is named.
    """
    if names:
        return Asked(context, batch, kv, (tuple(by_quality(selected(names, quant_map, sparsity)[0])),), ())
    if quant_map or sparsity:
        raise UsageError("--quant-map and --sparsity change a quant, and none is named.", "Add one: --quant q4_k_m.")
    runtimes = [find_runtime(runtime).name] if runtime else [DEFAULT_RUNTIME, FALLBACK]
    return Asked(context, batch, kv, tuple(tuple(ladder(name)) for name in runtimes), originals(runtimes[0]))


def available(model: Model, asked: Asked) -> list[Step]:
    """The quants that the model can be had in, best first.

    Raises:
        UnsupportedModelError: none of those asked for.
    """
    for steps in asked.ladders:
        found = [step for quant in steps if (step := _step(model, quant))]
        own = next((step for quant in asked.keeping(model.published_in) if (step := _step(model, quant))), None)
        if own:
            # Nothing is won by a file that is larger than the published one.
            return [own, *(step for step in found if step[1].weights.value < own[1].weights.value)]
        if found:
            return found
    raise UnsupportedModelError(f"{model.ref.name} cannot be had in any of these quants.", "See llmscale quants list.")


def _step(model: Model, quant: Quant) -> Step | None:
    try:
        return quant, model.candidate(quant, None)
    except UnsupportedModelError:
        return None


def work_of(model: Model, quant: Quant, asked: Asked) -> Workload:
    """The workload of this model in this quant."""
    return Workload(model.context(asked.context), asked.batch, asked.kv, quant.activation_bytes)


def best(model: Model, steps: Sequence[Step], devices: DeviceSet, asked: Asked) -> tuple[Quant, Fit]:
    """The first of `steps` that fits, the last where none does."""
    quant, candidate = steps[-1]
    start = 0
    while start < len(steps):
        # Of quants that want the same activations only the weights differ, so such a stretch is searched at once.
        width, runtime = steps[start][0].activation_bytes, steps[start][0].runtime
        end = start + 1
        while end < len(steps) and (steps[end][0].activation_bytes, steps[end][0].runtime) == (width, runtime):
            end += 1
        stretch = [candidate for _, candidate in steps[start:end]]
        found = first_that_fits(stretch, work_of(model, steps[start][0], asked), devices)
        if found is not None:
            quant, candidate = steps[start + found]
            break
        start = end
    (answer,) = fit(candidate, work_of(model, quant, asked), [devices], model.limit)
    return quant, answer
