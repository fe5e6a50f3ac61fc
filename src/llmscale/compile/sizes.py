"""Bytes of every model's weights in every quant of a runtime that it can be had in."""

from __future__ import annotations

from typing import Any

from llmscale.catalogue.schema import count
from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import quants
from llmscale.formats.weights import assign_formats, file_weights
from llmscale.speed.profile import bytes_per_token
from llmscale.store.yaml_file import YamlFile


def sizes(file: YamlFile, runtime: str) -> dict[str, Any]:
    """All bytes; of GGUF also those on devices and in host memory, those that a token reads, and of the experts.

    A model can be had in one of a few sets of quants, ``quants``; which one stands before its sizes in ``models``.
    """
    every = [quant for quant in quants() if quant.runtime == runtime]
    found = count(file)
    sets: dict[tuple[str, ...], int] = {}
    told: dict[str, list[Any]] = {}
    for key, spec in found.specs.items():
        parts = found.inventories[key]
        of: dict[str, list[int]] = {}
        for quant in every:
            try:
                stored = assign_formats(quant, spec, parts)
            except UnsupportedModelError:
                continue
            size = sum(each.bytes for each in stored)
            more = (*file_weights(stored), *bytes_per_token(parts, stored)) if quant.kind == "gguf" else ()
            of[quant.id] = [size, *more]
        told[key] = [sets.setdefault(tuple(of), len(sets)), *of.values()]
    return {"quants": list(sets), "models": told}
