"""What is asked of every model at once, computed when the catalogue was compiled.

Answers about the whole catalogue, and those for a bare size, read this and the sizes in quants, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from llmscale.store.tables import table


class Outline(NamedTuple):
    """One model of the shipped catalogue.

    Attributes:
        text: whether it is of text alone.
        parameters, active: counted where the tensors are known, else as its publisher states them.
        limit: the longest context.
        published_in, family: see `ModelSpec`; empty where the tensors are not known.
        shape: fields of `Shape`; None where the tensors are not known.
        motion: fields of `ComputeProfile`, likewise.
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
    shape: list[Any] | None = None
    motion: list[int] | None = None


def outline(model_id: str) -> Outline | None:
    """That of a shipped model; None where nothing of its size is disclosed."""
    found = table("outlines").get(model_id)
    return Outline(*found) if found else None


def outlines() -> Iterator[Outline]:
    """All, in the order of the file."""
    return (Outline(*fields) for fields in table("outlines").values())


def sizes(runtime: str, model_id: str) -> dict[str, list[int]]:
    """Bytes of a shipped model in each quant whose own runtime this is; see `llmscale.compile.sizes`."""
    if all(quant["runtime"] != runtime for quant in table("quants")["entries"].values()):
        return {}
    found: dict[str, list[int]] = table(f"sizes_{runtime}")[model_id]
    return found
