"""A model on named devices, as its runtime lays it out there: what each device holds, and what it can do then."""

from __future__ import annotations

from llmscale.answers.model import Model
from llmscale.answers.places import Aside, Placed
from llmscale.devices.sets import DeviceSet
from llmscale.fit.footprint import Candidate
from llmscale.fit.largest import Fit
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import Workload


def placed(model: Model, quant: Quant, candidate: Candidate, work: Workload, devices: DeviceSet, answer: Fit) -> Placed:
    """What the runtime does with these devices.

    Args:
        answer: how the whole fits, from `fit`.
    """
    if not model.counted:
        return Placed()
    place = Placed()
    if candidate.runtime.name == "llama.cpp":
        from llmscale.answers.offload import offloaded

        place = offloaded(model, quant, candidate, work, devices)
    if candidate.runtime.name == "vllm":
        from llmscale.answers.serve import served

        place = served(model, quant, work, devices)
    if candidate.runtime.name == "ollama":
        from llmscale.answers.ollama import placed_by_ollama

        place = placed_by_ollama(model, quant, candidate, work, devices)
    if candidate.runtime.name == "sglang":
        from llmscale.answers.pooled import pooled

        place = pooled(model, quant, work, devices)
    whole = answer.fits if place.fits is None else place.fits
    aside = aside_of(place.gpu_layers, place.layers, place.cpu_moe, work)
    # Nobody measured what a draft model makes of the speed.
    if (aside is not None or whole) and not work.options.draft:
        return _paced(place, model, quant, candidate, work, devices, aside)
    return place


def aside_of(gpu_layers: int | None, layers: int | None, cpu_moe: int | None, work: Workload) -> Aside | None:
    """The layers, and the experts, that llama.cpp leaves in RAM; None when all is on the devices."""
    if gpu_layers is None or not layers:
        return None
    # Where not all layers are on the devices, `cpu_moe` is what could be done instead.
    left_out = work.options.n_cpu_moe or (cpu_moe if cpu_moe and gpu_layers == layers else 0)
    experts = min(1.0, left_out / max(1, layers - 1))
    share = 1 - gpu_layers / layers
    return Aside(share, experts) if share or experts else None


def _paced(
    place: Placed,
    model: Model,
    quant: Quant,
    candidate: Candidate,
    work: Workload,
    devices: DeviceSet,
    aside: Aside | None,
) -> Placed:
    """With the speed of a model that lies on the devices, or there and in RAM whose bandwidth is told."""
    from llmscale.answers.speed import pace

    found = pace(model, quant, work, candidate.runtime.name, devices, aside)
    if found is None:
        return place
    return place._replace(
        tokens_per_second=found.decode.value,
        tokens_per_second_range=(found.decode.low, found.decode.high),
        first_token_seconds=found.first_token.value if found.first_token else None,
        first_token_seconds_range=(found.first_token.low, found.first_token.high) if found.first_token else None,
    )
