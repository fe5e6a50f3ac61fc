"""llama.cpp's names (`data/gguf_names.yaml`): its architecture of a model type, its name of a published tensor."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

from llmscale.records import dataclass
from llmscale.store.tables import table

#: The norms of StableLM 2's heads, a tensor each.
HEADS = re.compile(r"(layernorm\.norms\.)\d+\.")
#: What a name is compared without; what ends otherwise is named as a whole.
SUFFIXES = ("weight", "bias")


@dataclass(frozen=True)
class GgufNames:
    """What stands in the file; see there."""

    prefixes: list[str]
    architectures: dict[str, str]
    wrappers: list[str]
    names: dict[str, str]
    experts: dict[str, str]
    renamed: dict[str, dict[str, str]]
    dropped: dict[str, list[str]]
    unnamed: dict[str, list[str]]


@cache
def _known() -> GgufNames:
    return GgufNames(**table("gguf_names"))


def architecture_of(family: str, text_family: str) -> str:
    """The architecture of a model type; of a multimodal one that is converted as its text part, that part's.

    Empty when there is none that was checked.
    """
    known = _known()
    return known.architectures.get(text_family if family in known.wrappers else family, "")


def stripped(name: str) -> str:
    """A published name without its prefix, and with ``{head}`` for the number of a head."""
    name = name.replace("e_score_correction_bias", "e_score_correction.bias")
    name = HEADS.sub(r"\1{head}.", name)
    return next((name[len(prefix) :] for prefix in _known().prefixes if name.startswith(prefix)), name)


def is_dropped(arch: str, name: str) -> bool:
    """Whether the converter leaves out the tensor of that `stripped` name."""
    return any(fnmatchcase(name, pattern) for pattern in _known().dropped.get(arch, ()))


def gguf_name(arch: str, name: str) -> str | None:
    """What the tensor of that `stripped` name is called in the file; None when nobody checked it."""
    known = _known()
    base, dot, suffix = name.rpartition(".")
    if suffix not in SUFFIXES:
        base, dot, suffix = name, "", ""
    if "experts.{expert}." in base:
        return known.experts[base.rpartition(".")[2]] + dot + suffix
    found = known.renamed.get(arch, {}).get(base) or known.names.get(base)
    if found is None or any(fnmatchcase(name, pattern) for pattern in known.unnamed.get(arch, ())):
        return None
    return found if found.endswith((".weight", ".bias")) else found + dot + suffix


def architectures(arch: str) -> tuple[str, ...]:
    """The published model types that llama.cpp calls `arch`."""
    return tuple(family for family, known in _known().architectures.items() if known == arch)
