"""Which quants are meant by what somebody typed: names, and groups of them such as ``all-gguf``."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.formats.catalogue import quant, quants
from llmscale.formats.recipe import Quant
from llmscale.names import normal

#: Names of groups: everything, llama.cpp's presets, or what a runtime reads (``all-vllm``).
ALL = "all"


def selected(names: Iterable[str]) -> tuple[list[Quant], bool]:
    """The quants that `names` mean, each once, and whether those that a model cannot be had in may be left out.

    They may where a group was asked for: nobody expects every model in every format.

    Raises:
        NotFoundError: a name that no quant goes by.
    """
    chosen: dict[str, Quant] = {}
    lenient = False
    for name in names:
        group = _group(name)
        lenient = lenient or group is not None
        for one in [quant(name)] if group is None else group:
            chosen.setdefault(one.id, one)
    return list(chosen.values()), lenient


def _group(name: str) -> list[Quant] | None:
    """The quants of a group, None when `name` is not one."""
    word = normal(name)
    if word == ALL:
        return list(quants())
    if not word.startswith(ALL):
        return None
    wanted = word.removeprefix(ALL)
    found = [q for q in quants() if wanted in (q.kind, normal(q.runtime), *map(normal, q.readers))]
    return found or None
