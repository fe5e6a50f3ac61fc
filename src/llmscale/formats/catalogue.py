"""Number formats and quants by name, from the compiled tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from llmscale.formats.layout import AT, Format
from llmscale.formats.recipe import Quant
from llmscale.names import find
from llmscale.store.tables import table


def number_format(name: str) -> Format:
    """The number format that goes by `name`.

    Raises:
        NotFoundError: none does; the nearest are named.
    """
    return format_of(find(name, table("formats")["names"], "format"))


@cache
def format_of(format_id: str) -> Format:
    """The number format of that id; after an ``@``, with values of so many bits."""
    known, _, bits = format_id.partition(AT)
    form = Format.of(table("formats")["entries"][known])
    return form.at(float(bits)) if bits else form


def kv_formats() -> list[str]:
    """Ids of the formats that a KV cache can be kept in."""
    return [key for key, entry in table("formats")["entries"].items() if entry["kv"]]


def quant(name: str) -> Quant:
    """The quant that goes by `name`.

    Raises:
        NotFoundError: none does; the nearest are named.
    """
    data = table("quants")
    return Quant(**data["entries"][find(name, data["names"], "quant")])


def quants() -> Iterator[Quant]:
    """All quants, in the order of the file."""
    return iter(_quants())


@cache
def _quants() -> tuple[Quant, ...]:
    return tuple(Quant(**entry) for entry in table("quants")["entries"].values())
