"""What is asked of every model at once, apart from all else that is known of it; see `Outline`."""

from __future__ import annotations

from typing import Any

from llmscale.catalogue.schema import count
from llmscale.catalogue.summaries import Outline
from llmscale.errors import UnsupportedModelError
from llmscale.formats.gguf import convert
from llmscale.model.families import published_in
from llmscale.model.inventory import Inventory
from llmscale.model.shape import Sketch, shape_of
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.llama_cpp.simulate import sketch_of
from llmscale.runtimes.transformers.peak import points_of
from llmscale.speed.profile import profile_of
from llmscale.store.yaml_file import YamlFile


def outlines(file: YamlFile) -> dict[str, Any]:
    """By id; none for a model of whose size nothing is disclosed."""
    found = count(file)
    told: dict[str, Any] = {}
    for key, entry in found.entries.items():
        one = Outline(
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
                limit=one.limit or spec.max_context,
                family=spec.family,
                shape=_shape(spec, parts),
                motion=list(profile_of(parts)),
            )
        if one.parameters:
            told[key] = list(one)
    return told


def _shape(spec: ModelSpec, parts: Inventory) -> list[Any]:
    return list(shape_of(spec)._replace(llama_cpp=_sketch(spec, parts), transformers=points_of(spec)))


def _sketch(spec: ModelSpec, parts: Inventory) -> Sketch | None:
    """What llama.cpp makes of the model, where it can load it."""
    try:
        convert(spec, parts)
    except UnsupportedModelError:
        return None
    return sketch_of(spec)
