"""The models that ship with llmscale, and the user's own over them: what was published, found by any of its names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmscale import plugins
from llmscale.catalogue import user as user_catalogue
from llmscale.catalogue.entry import ModelEntry, Rumour
from llmscale.errors import NotFoundError
from llmscale.names import find, normal
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


def _entry(fields: dict[str, Any]) -> ModelEntry:
    return ModelEntry(**{**fields, "rumours": [Rumour(**r) for r in fields["rumours"]]})


def lookup(name: str, catalogue: str | None = None) -> ModelEntry:
    """The entry that goes by `name`.

    Raises:
        NotFoundError: none does, several do, or the name is a known misunderstanding.
        InputFileError: see `models`.
    """
    data = models(catalogue)
    for misnomer, answer in data["misnomers"].items():
        if normal(misnomer) == normal(name):
            raise NotFoundError(answer["answer"], f"Try {' or '.join(answer['suggest'])}.")
    try:
        return _entry(data["entries"][find(name, data["names"], "model")])
    except NotFoundError:
        if (found := _brought(name)) is None:
            raise
        return found


def _brought(name: str) -> ModelEntry | None:
    """The entry of that name in the catalogue of another package; None where there is none."""
    for _, path in plugins.every("catalogues"):
        data = user_catalogue.own(str(path))
        try:
            return _entry(data["entries"][find(name, data["names"], "model")])
        except NotFoundError:
            continue
    return None
