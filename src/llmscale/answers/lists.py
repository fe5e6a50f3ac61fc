"""``models``, ``devices`` and ``quants``: what the catalogues hold, all of it or one entry."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.answers.filters import ModelFilter
from llmscale.answers.results.common import LossRef, model_ref
from llmscale.answers.results.lists import (
    DeviceLine,
    DevicesResult,
    LinkLine,
    ModelLine,
    ModelResult,
    ModelsResult,
    QuantLine,
    QuantsResult,
)
from llmscale.catalogue import entries as model_catalogue
from llmscale.catalogue.entry import ModelEntry
from llmscale.devices import device as device_catalogue
from llmscale.devices.device import Device, Interconnect
from llmscale.devices.sets import device_set
from llmscale.devices.topology import slot_gb_s
from llmscale.errors import NotFoundError, UnsupportedModelError
from llmscale.fit.choose import published
from llmscale.fit.subject import Model, model_of
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.recipe import Quant
from llmscale.names import normal
from llmscale.quantity import Quantity
from llmscale.sources.registry import load

#: The dozen of formats that people run, widest first, and the model that shows them where none is named. A choice: the
#: steps of llama.cpp, and of each other runtime the one or two that most files are published in.
IN_USE = (*("bf16", "q8_0", "fp8", "q6_k", "q5_k_m", "q4_k_m", "awq", "nf4", "nvfp4", "mlx-4bit", "iq4_xs", "q3_k_m"),)
EXAMPLE = "llama-3.1-8b"


def list_models(word: str = "", wanted: ModelFilter | None = None, *, catalogue: str | None = None) -> ModelsResult:
    """All catalogue models, or those with `word` in their id, name, publisher, family or an alias that are `wanted`."""
    entries = list(model_catalogue.entries(catalogue))
    everything = [_model_line(entry) for entry in entries]
    found = [line for line, entry in zip(everything, entries, strict=True) if _has(word, _words_of(entry))]
    return ModelsResult(tuple((wanted or ModelFilter()).apply(found, everything)))


def show_model(name: str, *, catalogue: str | None = None) -> ModelResult:
    """Everything the catalogue says about one model."""
    entry = model_catalogue.lookup(name, catalogue)
    return ModelResult(
        model=_model_line(entry),
        aliases=tuple(entry.aliases),
        stated_parameters=entry.parameters,
        stated_active_parameters=entry.active_parameters,
        stated_context=entry.stated_context,
        stated_how=entry.stated_how,
        hub=entry.hub,
        ollama=entry.ollama,
        gguf=tuple(entry.gguf),
        tools=entry.tools,
        languages=tuple(entry.languages),
        capabilities_source=entry.capabilities_source,
        difference=entry.difference,
        disclosure=entry.undisclosed or entry.no_config,
        note=entry.note,
        source=entry.source,
        config_source=entry.config_source,
        checked=entry.checked,
        config=entry.config,
        catalogue=entry.origin,
    )


def list_devices(word: str = "") -> DevicesResult:
    """All devices, or those with `word` in their id, name, vendor, kind or an alias."""
    found = [d for d in device_catalogue.entries() if _has(word, [d.id, d.name, d.vendor, d.kind, *d.aliases])]
    return DevicesResult(tuple(_device_line(device) for device in found))


def show_device(name: str) -> DevicesResult:
    """One device, as the catalogue calls it or as people do who sit at it.

    Raises:
        NotFoundError: none of that name, or several.
    """
    try:
        found = device_catalogue.lookup(name)
    except NotFoundError:
        several = {each: known for each in device_set(name).ids if (known := device_catalogue.known(each))}
        if len(several) != 1:
            raise
        (found,) = several.values()
    return DevicesResult((_device_line(found),))


def list_quants(word: str = "", model: str | None = None, *, catalogue: str | None = None) -> QuantsResult:
    """All quants, or those with `word` in their id, name, an alias or a reader; with the sizes of `model` in each."""
    found = [q for q in quants() if _has(word, [q.id, q.name, *q.aliases, *q.readers])]
    return _quants_result(found, model, catalogue)


def quants_in_use(model: str | None = None, *, catalogue: str | None = None) -> QuantsResult:
    """The quants that people run, with what they make of `model`, or of one that stands for it; what it is published
    quantised in before them."""
    asked = model_of(load(model or EXAMPLE, catalogue=catalogue).known())
    shown = [quant(name) for name in IN_USE]
    own = published(asked, asked.has(quants()))
    shown = [own, *shown] if own and own not in shown else shown
    found = _quants_result(shown, model or EXAMPLE, catalogue)
    found.hidden = len(list(quants())) - len(shown)
    return found


def show_quant(name: str, model: str | None = None, *, catalogue: str | None = None) -> QuantsResult:
    """One quant, with the size of `model` in it."""
    return _quants_result([quant(name)], model, catalogue)


def _quants_result(found: Sequence[Quant], reference: str | None, catalogue: str | None) -> QuantsResult:
    if reference is None:
        return QuantsResult(None, tuple(_quant_line(quant, None) for quant in found))
    model = model_of(load(reference, catalogue=catalogue).known())
    lines = (_quant_line(quant, _weights(model, quant), model.about.id) for quant in found)
    return QuantsResult(model_ref(model.about), tuple(lines))


def _weights(model: Model, quant: Quant) -> Quantity | None:
    try:
        return model.weights(quant)
    except UnsupportedModelError:
        return None


def _has(word: str, words: list[str]) -> bool:
    wanted = normal(word)
    return any(wanted in normal(candidate) for candidate in words)


def _words_of(entry: ModelEntry) -> list[str]:
    family = entry.config["model_type"] if entry.config else ""
    return [entry.id, entry.name, entry.publisher, family, *entry.aliases]


def _model_line(entry: ModelEntry) -> ModelLine:
    basis = "exact" if entry.config else "reported" if entry.parameters else "undisclosed"
    return ModelLine(
        id=entry.id,
        name=entry.name,
        basis=basis,
        parameters=entry.size,
        active_parameters=entry.counted_active or entry.active_parameters or entry.size,
        family=entry.config["model_type"] if entry.config else "",
        modality=entry.modality,
        publisher=entry.publisher,
        licence=entry.licence,
        open=entry.open,
        released=entry.released,
        context=entry.context,
        training_tokens=entry.training_tokens,
        source=entry.owner,
    )


def _device_line(device: Device) -> DeviceLine:
    return DeviceLine(
        id=device.id,
        name=device.name,
        vendor=device.vendor,
        kind=device.kind,
        released=device.released,
        memory_bytes=device.memory,
        memory_basis="exact" if device.reported_mib else "reported",
        gpu_share=device.gpu_share,
        bandwidth_gb_s=device.bandwidth_gb_s,
        fp16_tflops=device.fp16_tflops,
        compute_capability=f"{device.compute_capability:.1f}" if device.compute_capability else None,
        generation=device.generation,
        memory_kind=device.memory_kind,
        threads_per_sm=device.threads_per_sm,
        link=_link_line(device.link) if device.link else None,
        driver_name=device.driver_name,
        power_w=device.power_w,
        price_usd=device.price_usd,
        aliases=tuple(device.aliases),
        source=device.source,
        recalled=tuple(device.recalled),
        note=device.note,
    )


def _link_line(link: Interconnect) -> LinkLine:
    return LinkLine(
        kind=link.kind,
        name=link.name,
        gb_s=link.gb_s,
        peers=link.peers,
        pcie=link.pcie,
        lanes=link.lanes,
        slot_gb_s=slot_gb_s(link),
        bridge_gb_s=link.bridge_gb_s,
    )


def _quant_line(quant: Quant, weights: Quantity | None, model: str = "") -> QuantLine:
    return QuantLine(
        id=quant.id,
        name=quant.name,
        bits_per_weight=quant.bits,
        kind=quant.kind,
        rules=quant.rules,
        narrow=quant.narrow,
        runtime=quant.runtime,
        readers=tuple(quant.readers),
        hardware=quant.hardware,
        meant_for=quant.meant_for,
        loss=LossRef.of(quant.id, model),
        aliases=tuple(quant.aliases),
        source=quant.source,
        note=quant.note,
        weights_bytes=weights.value if weights else None,
        weights_basis=weights.basis.value if weights else None,
    )
