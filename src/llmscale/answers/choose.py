"""Choosing a quant: of those that a model can be had in, the one with the least loss that fits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from llmscale.answers.model import Model
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.largest import Fit, fit, room_for_weights, usable
from llmscale.formats.ladder import FALLBACK, by_quality, ladder, originals
from llmscale.formats.layout import Format
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.formats.weights import assign_formats, host_bytes
from llmscale.runtimes import runtime as find_runtime
from llmscale.runtimes.architectures import lacks
from llmscale.runtimes.hardware import refusal, unmodelled
from llmscale.runtimes.interface import Workload

DEFAULT_RUNTIME = "llama.cpp"


class Asked(NamedTuple):
    """What is asked of every model; the first of `ladders` that a model can be had in at all counts.

    Attributes:
        originals: quants that keep the tensors of checkpoints that are published quantised; none where somebody names
            the quants.
        runtime: the one asked for; each quant's own when None.
    """

    context: int | None
    batch: int
    kv: Format
    ladders: tuple[tuple[Quant, ...], ...]
    originals: tuple[Quant, ...]
    runtime: str | None = None

    def of(self, quant: Quant) -> str:
        """The name of the runtime that a quant is asked for on."""
        return self.runtime or quant.runtime

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
    chosen = find_runtime(runtime).name if runtime else None
    kept: tuple[Quant, ...] = ()
    if names:
        ladders = [by_quality(selected(names, quant_map, sparsity)[0])]
    elif quant_map or sparsity:
        raise UsageError("--quant-map and --sparsity change a quant, and none is named.", "Add one: --quant q4_k_m.")
    else:
        runtimes = [chosen] if chosen else [DEFAULT_RUNTIME, FALLBACK]
        ladders, kept = [ladder(name) for name in runtimes], originals(runtimes[0])
    question = Asked(context, batch, kv, tuple(map(tuple, ladders)), kept, chosen)
    _check_cache(question)
    return question


def _check_cache(question: Asked) -> None:
    """Raises:
    UsageError: a cache that vLLM does not have, where it is asked for.
    """
    served = {q.activation_bytes for steps in question.ladders for q in steps if question.of(q) == "vllm"}
    if served:
        from llmscale.runtimes.vllm.runtime import cache_bytes

        for width in served:
            cache_bytes(Workload(question.context or 1, question.batch, question.kv, width))


def available(model: Model, asked: Asked) -> list[Quant]:
    """The quants that the model can be had in, best first.

    Raises:
        UnsupportedModelError: none of those asked for.
    """
    for steps in asked.ladders:
        found = _run(model, model.had_in(steps), asked)
        own = next(iter(_run(model, model.had_in(asked.keeping(model.published_in)), asked)), None)
        if own:
            # Nothing is won by a file that is larger than the published one.
            size = model.weights(own).value
            return [own, *(quant for quant in found if model.weights(quant).value < size)]
        if found:
            return found
    raise UnsupportedModelError(f"{model.ref.name} cannot be had in any of these quants.", "See llmscale quants list.")


def summed(model: Model, asked: Asked) -> Model:
    """`model` with its sizes computed once, and its buffers drawn as for the compiled catalogue: to ask many devices.

    At the context that is asked for the buffers are exact, elsewhere they lie on a line between simulated points.
    """
    if not model.counted or model.assumed:
        return model
    assert model.spec is not None
    assert model.parts is not None
    sizes: dict[str, Sequence[int]] = {}
    for quant in (*asked.originals, *(quant for steps in asked.ladders for quant in steps)):
        try:
            stored = assign_formats(quant, model.spec, model.parts)
        except UnsupportedModelError:
            continue
        host = host_bytes(stored) if quant.kind == "gguf" else 0
        sizes[quant.id] = (sum(each.bytes for each in stored), host)
    (shape,) = model.shapes
    if any(quant.kind == "gguf" and quant.id in sizes for steps in asked.ladders for quant in steps):
        from llmscale.runtimes.llama_cpp.simulate import sketch_of

        at = work_of(model, asked.ladders[0][0], asked)
        shape = shape._replace(llama_cpp=sketch_of(model.spec, (at.context * at.batch,)))
    if any(asked.of(quant) == "transformers" and quant.id in sizes for steps in asked.ladders for quant in steps):
        from llmscale.runtimes.transformers.peak import points_of

        shape = shape._replace(transformers=points_of(model.spec, model.context(asked.context)))
    return model._replace(compiled=True, summed=sizes, shapes=(shape,))


def _run(model: Model, quants: list[Quant], asked: Asked) -> list[Quant]:
    """Those that the runtime asked for, or their own, runs."""
    lacking = {name for name in {asked.of(quant) for quant in quants} if model.family and lacks(name, model.family)}
    if lacking:
        quants = [quant for quant in quants if asked.of(quant) not in lacking]
    return quants if asked.runtime is None else [quant for quant in quants if _runs(model, quant, asked.runtime)]


def _runs(model: Model, quant: Quant, runtime: str) -> bool:
    try:
        model.candidate(quant, runtime)
    except UnsupportedModelError:
        return False
    return True


def work_of(model: Model, quant: Quant, asked: Asked) -> Workload:
    """The workload of this model in this quant."""
    return Workload(model.context(asked.context), asked.batch, asked.kv, quant.activation_bytes)


def best(model: Model, steps: Sequence[Quant], devices: DeviceSet, asked: Asked) -> tuple[Quant, Fit]:
    """The first of `steps` that fits, the last where none does.

    Raises:
        UsageError: the runtime refuses all of them on these devices.
    """
    foreign = {name: unmodelled(name, devices) for name in {asked.of(quant) for quant in steps}}
    steps = [quant for quant in steps if foreign[asked.of(quant)] is None]
    possible: dict[str, Quant] = {quant.id: quant for quant in steps}
    refused = None if steps else refusal(next(why for why in foreign.values() if why))
    # Quants that want the same activations under the same runtime differ in their weights alone.
    rooms: dict[tuple[str, int], int] = {}
    for quant in steps:
        kind = (quant.runtime, quant.activation_bytes)
        served = _serves(model, quant, asked)
        if kind not in rooms:
            rooms[kind] = _most_weights(model, quant, devices, asked, whole=served)
        if model.on_devices(quant, asked.runtime) > rooms[kind]:
            continue
        try:
            found = answer(model, quant, devices, asked)
        except UsageError as error:
            refused = refused or error
            del possible[quant.id]
            continue
        if found.fits:
            return quant, found
    if not possible:
        assert refused is not None
        raise refused
    chosen = list(possible.values())[-1]
    return chosen, answer(model, chosen, devices, asked)


def answer(model: Model, quant: Quant, devices: DeviceSet, asked: Asked) -> Fit:
    """How one quant fits, as ``estimate`` has it.

    Raises:
        UsageError: what the runtime refuses.
    """
    if (why := unmodelled(asked.of(quant), devices)) is not None:
        raise refusal(why)
    work = work_of(model, quant, asked)
    if _serves(model, quant, asked):
        from llmscale.answers.serve import fit_served

        found = fit_served(_loaded(model), quant, work, devices)
        if found is not None:
            return found
    (summed_up,) = fit(model.candidate(quant, asked.runtime), work, [devices], model.limit)
    if summed_up.fits and not _splits(model, quant, devices, asked):
        return summed_up._replace(fits=False, may_fit=False)
    return summed_up


def _serves(model: Model, quant: Quant, asked: Asked) -> bool:
    """Whether vLLM lays the model out itself: of an assumed one only a sum is known."""
    return asked.of(quant) == "vllm" and not model.assumed


def _most_weights(model: Model, quant: Quant, devices: DeviceSet, asked: Asked, *, whole: bool) -> int:
    """Bytes that weights cannot exceed: all that the runtime may take where it says itself what is left of it."""
    work = work_of(model, quant, asked)
    candidate = model.candidate(quant, asked.runtime)
    return usable(candidate, devices, work) if whole else room_for_weights(candidate, work, devices)


@cache
def _catalogued(model_id: str) -> Model:
    from llmscale.sources import load

    return Model.of(load(model_id).known())


def _loaded(model: Model) -> Model:
    """The model with its tensors, which a compiled one was made without."""
    return model if model.counted else _catalogued(model.ref.id)


def _splits(model: Model, quant: Quant, devices: DeviceSet, asked: Asked) -> bool:
    """Whether llama.cpp's whole layers come out even enough; of the catalogue as a whole the sum is taken for it."""
    if devices.count == 1 or quant.runtime != "llama.cpp" or quant.kind != "gguf" or not model.counted:
        return True
    from llmscale.answers.offload import fits_split

    return fits_split(model, quant, work_of(model, quant, asked), devices)
