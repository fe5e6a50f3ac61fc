"""Which quants are meant by what somebody typed: names, and groups of them such as ``all-gguf``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from llmscale.errors import NotFoundError
from llmscale.formats import brought
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.recipe import Quant
from llmscale.names import normal

#: Names of groups: everything, llama.cpp's presets, or what a runtime reads (``all-vllm``).
ALL = "all"
#: How the names of recipe files end.
RECIPES = (".yaml", ".yml")


def selected(
    names: Iterable[str], quant_map: str | None = None, sparsity: str | None = None
) -> tuple[list[Quant], bool]:
    """The quants that `names` mean, each once, and whether those that a model cannot be had in may be left out.

    They may where a group was asked for: nobody expects every model in every format.

    Args:
        names: of quants or groups, ``4.5bpw``, or a recipe file.
        quant_map: formats by part of the model, over each of them (``attn=q8_0,experts=q4_k``).
        sparsity: how linear layers are pruned (``2:4``).

    Raises:
        NotFoundError: a name that no quant goes by.
        UsageError, InputFileError: a map, sparsity or recipe that cannot be read.
    """
    chosen: dict[str, Quant] = {}
    lenient = False
    for name in names:
        group = _group(name)
        lenient = lenient or group is not None
        for one in [named(name)] if group is None else group:
            chosen.setdefault(one.id, one)
    found = list(chosen.values())
    if quant_map:
        from llmscale.formats.mixed import mapped, parse_map

        rules = parse_map(quant_map)
        found = [mapped(one, rules) for one in found]
    if sparsity:
        from llmscale.formats.sparsity import parse_sparsity

        pruned = parse_sparsity(sparsity).name
        found = [replace(one, id=f"{one.id}+{pruned}", name=f"{one.name} {pruned}", sparsity=pruned) for one in found]
    return found, lenient


def named(name: str) -> Quant:
    """The quant of that name: one of the catalogue, bits that are asked for, or a recipe file.

    Only what is none of the catalogue's needs a reader of its own.
    """
    try:
        return quant(name)
    except NotFoundError:
        if name.lower().endswith(RECIPES):
            from llmscale.formats.recipe_file import read_recipe  # brings YAML and pydantic

            return read_recipe(name)
        from llmscale.formats.bpw import asked
        from llmscale.formats.published import published

        if (found := asked(name) or published(name) or brought.quant(name)) is None:
            raise
        return found


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
