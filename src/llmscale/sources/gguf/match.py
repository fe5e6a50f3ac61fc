"""Which model a GGUF file is: one whose converted tensors have the file's names and shapes, all of them.

First what its own metadata say, read as a config of each type that llama.cpp calls so; else a model of the catalogue of
the same architecture and widths. A fine-tune has its base's tensors, so that is found as well. What matches nothing is
no model that we know, and is described by its metadata alone (`generic`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmscale.catalogue.entries import lookup
from llmscale.catalogue.summaries import summaries
from llmscale.errors import LlmscaleError
from llmscale.formats.gguf import convert
from llmscale.formats.gguf.convert import Converted
from llmscale.formats.gguf.names import architectures
from llmscale.formats.gguf.ranks import file_shape
from llmscale.model.families import from_keys
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.sources.catalogue import of_entry
from llmscale.sources.gguf.config import TYPES, Read, config_of
from llmscale.sources.gguf.tensors import trimmed
from llmscale.sources.interface import Loaded


class Match(NamedTuple):
    """A model that is the file's.

    Attributes:
        extra: tensors of the file that the model does not have.
    """

    spec: ModelSpec
    extra: tuple[str, ...]


#: Tensors that a model's converter may or may not write, by a file's age.
OPTIONAL = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")


def match(read: Read, catalogue: str | None) -> Match | None:
    """The model that the file is, the one with the fewest tensors left over; None where it is none that we know."""
    found: Match | None = None
    for spec in _candidates(read, catalogue):
        extra = further(read, spec)
        if extra is None or (found and len(extra) >= len(found.extra)):
            continue
        found = Match(replace(spec, placed=tuple(each for each in spec.placed if each.tower is None)), extra)
        if not extra:
            break
    return found


def further(read: Read, spec: ModelSpec) -> tuple[str, ...] | None:
    """The tensors that the file has and `spec` has not; None where it lacks one, or one has another shape."""
    try:
        model = convert(spec, inventory(spec))
    except LlmscaleError:
        return None
    if model.arch != read.arch and (read.arch, model.arch) not in ALIKE:
        return None
    wanted = dict(_named(model.tensors))
    for name, shape in wanted.items():
        if read.shapes.get(name) != shape and not (name in OPTIONAL and name not in read.shapes):
            return None
    return tuple(name for name in read.shapes if name not in wanted and name not in OPTIONAL)


#: Types that go by another name as well, by what their tensors are (`formats.gguf.structure.architecture`).
ALSO = {"nemotron_h": ("nemotron_h",), "bailingmoe2": ("bailing_moe",), "granite": ("granitemoehybrid",)}
#: Files of vision models whose text part is a model of its own.
ALIKE = {("qwen2vl", "qwen2"), ("qwen3vl", "qwen3"), ("qwen3vlmoe", "qwen3moe")}


def _named(tensors: Iterable[Converted]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for each in tensors:
        group = each.group
        shape = trimmed(file_shape(group))
        for layer in group.layers or (None,):
            yield (group.name if layer is None else group.name.replace("{layer}", str(layer))), shape


def _candidates(read: Read, catalogue: str | None) -> Iterator[ModelSpec]:
    for model_type in types_of(read):
        spec = _from_metadata(read, model_type)
        if spec is not None:
            yield spec
    yield from _of_catalogue(read, catalogue)


def types_of(read: Read) -> tuple[str, ...]:
    """The published model types that the file's architecture may stand for, the likeliest first."""
    types = TYPES.get(read.arch) or (*architectures(read.arch), *ALSO.get(read.arch, ()))
    if read.arch == "olmo2" and read.number("attention.sliding_window"):
        return types[::-1]  # only OLMo 3 has windows
    return types


def _from_metadata(read: Read, model_type: str) -> ModelSpec | None:
    try:
        return from_keys(config_of(read, model_type), read.arch)
    except LlmscaleError:
        return None


def _of_catalogue(read: Read, catalogue: str | None) -> Iterator[ModelSpec]:
    """Models of the same architecture, layers and width; the file's own context counts."""
    types = {*architectures(read.arch), *ALSO.get(read.arch, ())}
    for found in summaries():
        if (
            found.family in types
            and found.widths
            and found.widths[:2] == [read.layers, read.number("embedding_length")]
        ):
            model = of_entry(lookup(found.id, catalogue))
            if isinstance(model, Loaded):
                yield replace(model.spec, max_context=read.number("context_length") or model.spec.max_context)
