"""The models that ship with llmscale, and the user's own over them: what was published, found by any of its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llmscale import plugins
from llmscale.catalogue import user as user_catalogue
from llmscale.catalogue.entry import ModelEntry, Rumour
from llmscale.errors import NotFoundError
from llmscale.names import find, normal
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.store.tables import table


def models(catalogue: str | None = None) -> dict[str, Any]:
    """The compiled table: ``entries`` by id, ``names`` to ids, ``misnomers``; the user's own lie over the shipped ones.

    Args:
        catalogue: the user's file; None for the one that the environment or the configuration folder names, if any.

    Raises:
        InputFileError: that file cannot be read or does not fit the schema.
    """
    path = user_catalogue.location(catalogue)
    return user_catalogue.overlaid(path) if path else table("models")


def entry(model_id: str, catalogue: str | None = None) -> ModelEntry:
    """The entry with exactly this id."""
    return _entry(models(catalogue)["entries"][model_id])


def entries(catalogue: str | None = None) -> Iterator[ModelEntry]:
    """All entries in the order of the file; the user's own come last, or where the one stood that they replace."""
    return map(_entry, models(catalogue)["entries"].values())


def library_name(fields: dict[str, Any]) -> str:
    """What Ollama's library calls the model of these fields; empty where it is not there."""
    return _entry(fields).ollama


def _entry(fields: dict[str, Any]) -> ModelEntry:
    return ModelEntry(**{**fields, "rumours": [Rumour(**r) for r in fields["rumours"]]})


def lookup(name: str, catalogue: str | None = None) -> ModelEntry:
    """The entry that goes by `name`; see `named`."""
    return named(name, catalogue).entry


class Named(NamedTuple):
    """The entry that a name means.

    Attributes:
        quant: the weight format that the name says; empty where it says none.
        notes: what was taken, where that is not what was typed.
    """

    entry: ModelEntry
    quant: str = ""
    notes: tuple[Note, ...] = ()


def named(name: str, catalogue: str | None = None) -> Named:
    """The entry that goes by `name`, as a variant of it where the name is one's.

    Raises:
        NotFoundError: none does, several do, or the name is a known misunderstanding.
        InputFileError: see `models`.
    """
    data = models(catalogue)
    for misnomer, answer in data["misnomers"].items():
        if normal(misnomer) == normal(name):
            raise NotFoundError(answer["answer"], f"Try {' or '.join(answer['suggest'])}.")
    if name in data["entries"]:
        return Named(_entry(data["entries"][name]))
    if len(found := data["names"].get(normal(name), ())) == 1:
        return Named(_variant(data["entries"][found[0]], name), _quant_of(name))
    from llmscale.catalogue.resolve import resolve  # patterns and words that a plain name does not need

    try:
        meant = resolve(name, data, user_catalogue.location(catalogue) is None)
    except NotFoundError:
        if (brought := _brought(name)) is None:
            raise
        return Named(brought)
    model_id = data["names"][normal(meant.spelling)][0]
    return Named(_variant(data["entries"][model_id], meant.spelling), meant.quant, meant.notes)


def _quant_of(name: str) -> str:
    """The quant in a spelling of the catalogue, where it is an address rather than a word."""
    if "/" not in name:
        return ""
    from llmscale.catalogue.resolve import quant_of

    return quant_of(name)


def _variant(fields: dict[str, Any], spelling: str) -> ModelEntry:
    """The entry, with what the variant of that name has instead."""
    entry, wanted = _entry(fields), normal(spelling)
    for alias, own in entry.variants.items():
        tail = alias.rpartition("/")[2]
        if wanted in (normal(alias), normal(tail)) and entry.config:
            return replace(entry, name=tail, config={**entry.config, **own})
    return entry


def _brought(name: str) -> ModelEntry | None:
    """The entry of that name in the catalogue of another package; None where there is none."""
    for _, path in plugins.every("catalogues"):
        data = user_catalogue.own(str(path))
        try:
            return _entry(data["entries"][find(name, data["names"], "model")])
        except NotFoundError:
            continue
    return None
