"""The models that ship with llmscale, and the user's own over them: what was published, found by any of its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from llmscale.catalogue import user as user_catalogue
from llmscale.errors import NotFoundError
from llmscale.names import find, normal
from llmscale.store.tables import table


@dataclass(frozen=True)
class Rumour:
    """A size that somebody claimed and nobody confirmed."""

    low: int
    high: int
    who: str
    what: str
    source: str


@dataclass(frozen=True)
class ModelEntry:
    """One catalogue entry; see ``docs/adding.md`` for how to write one.

    Attributes:
        parameters, active_parameters, training_tokens: as the publisher states them.
        config: hyper-parameters in the publisher's own keys; None when there are none.
        no_config: why there is no config although the size is published.
        undisclosed: what the publisher does not say; then no number here is ours.
        difference: why `parameters` differs from the count of the tensors by more than 0.5 %.
        checked: where the hyper-parameters were read; ``recalled`` when nowhere.
        counted, counted_active: computed from `config` when the catalogue is compiled.
        origin: the user's catalogue that it stands in; empty for a model that ships with llmscale.
    """

    id: str
    name: str
    publisher: str
    modality: str
    licence: str
    open: bool
    source: str
    released: str
    aliases: list[str] = field(default_factory=list)
    training_tokens: int | None = None
    context: int | None = None
    parameters: int | None = None
    active_parameters: int | None = None
    difference: str = ""
    config_source: str = ""
    checked: str = ""
    note: str = ""
    config: dict[str, Any] | None = None
    no_config: str = ""
    undisclosed: str = ""
    rumours: list[Rumour] = field(default_factory=list)
    suggest: list[str] = field(default_factory=list)
    counted: int | None = None
    counted_active: int | None = None
    origin: str = ""

    @property
    def owner(self) -> str:
        """Whose entry it is: ``llmscale`` or ``user``."""
        return "user" if self.origin else "llmscale"

    @property
    def size(self) -> int | None:
        """Parameters: counted where the tensors are known, else as published, else None."""
        return self.counted or self.parameters


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
    return _entry(data["entries"][find(name, data["names"], "model")])
