"""What is asked of every model at once: widths and sums, and apart from them what each runtime makes of it."""

from __future__ import annotations

from typing import Any

from llmscale.catalogue.schema import count
from llmscale.catalogue.summaries import ModelSummary
from llmscale.formats.catalogue import quant
from llmscale.model.families import published_in
from llmscale.model.shape import shape_of
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.runtimes.subject import Exact
from llmscale.speed.profile import profile_of
from llmscale.store.yaml_file import YamlFile

#: A summary is of a model whatever its quant; runtimes are asked about it in this one.
ANY_QUANT = "bf16"


def summaries(file: YamlFile) -> dict[str, Any]:
    """By id, see `ModelSummary`; none for a model of whose size nothing is disclosed."""
    found = count(file)
    told: dict[str, Any] = {}
    for key, entry in found.entries.items():
        one = ModelSummary(
            id=key,
            name=entry["name"],
            source=entry["source"],
            text=entry["modality"] == "text",
            parameters=entry["counted"] or entry["parameters"],
            active=entry["counted_active"] or entry["active_parameters"],
            limit=entry["context"],
            published_in=published_in(entry["config"] or {}),
        )
        if key in found.specs:
            spec, parts = found.specs[key], found.inventories[key]
            one = one._replace(
                limit=spec.max_context or one.limit,
                family=spec.family,
                widths=list(shape_of(spec)),
                profile=list(profile_of(parts)),
            )
        if one.parameters:
            told[key] = list(one)
    return told


def of_runtime(file: YamlFile, name: str) -> dict[str, Any]:
    """What a runtime makes of each model, by id; equal models are asked about once."""
    found, runtime = count(file), find_runtime(name)
    told: dict[str, Any] = {}
    known: dict[Any, Any] = {}
    for key, spec in found.specs.items():
        alike = (spec.placed, spec.family, spec.text_family, spec.max_context, spec.sequence)
        if alike not in known:
            known[alike] = runtime.summarise(Exact(spec, found.inventories[key], quant(ANY_QUANT)))
        if known[alike] is not None:
            told[key] = known[alike]
    return told
