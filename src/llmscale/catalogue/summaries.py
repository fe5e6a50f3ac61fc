"""What was computed of every model when the catalogue was compiled, so that all can be asked about at once.

Answers about the whole catalogue, and those for a bare size, read this and the sizes in quants, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from llmscale.records import NamedTuple
from llmscale.store.tables import table


class ModelSummary(NamedTuple):
    """One model.

    Attributes:
        text: whether it is of text alone.
        parameters, active: counted where the tensors are known, else as its publisher states them.
        limit: the longest context.
        published_in, family: see `ModelSpec`; empty where the tensors are not known.
        widths: fields of `Shape`; None where the tensors are not known.
        profile: fields of `ComputeProfile`, likewise.
    """

    id: str
    name: str
    source: str
    text: bool
    parameters: int
    active: int | None
    limit: int | None
    published_in: str
    family: str = ""
    widths: list[Any] | None = None
    profile: list[int] | None = None


def shipped() -> Mapping[str, list[Any]]:
    """The models that ship of which anything of their size is disclosed, by id in the order of the file."""
    found: Mapping[str, list[Any]] = table("summaries")
    return found


def summary(model_id: str) -> ModelSummary | None:
    """That of a shipped model; None where nothing of its size is disclosed."""
    found = shipped().get(model_id)
    return ModelSummary(*found) if found else None


def summaries() -> Iterator[ModelSummary]:
    """All, in the order of the file."""
    return (ModelSummary(*fields) for fields in shipped().values())


@cache
def sizes(runtime: str, model_id: str) -> dict[str, list[int]]:
    """Bytes of a shipped model in each quant whose own runtime this is; see `llmscale.compile.sizes`."""
    if runtime not in _runtimes():
        return {}
    stored = table(f"sizes_{runtime}")
    which, *found = stored["models"][model_id]
    return dict(zip(stored["quants"][which], found, strict=True))


@cache
def _runtimes() -> frozenset[str]:
    return frozenset(quant["runtime"] for quant in table("quants")["entries"].values())


def compiled(runtime: str, model_id: str) -> Any:
    """What a runtime makes of a shipped model, as it was compiled; None where it says nothing of it, or is not ours."""
    return table(f"summaries_{runtime}").get(model_id) if runtime in table("options") else None
