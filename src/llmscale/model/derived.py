"""Model types of which only the tensors are known: they were derived by machine (`make probe`), and no runtime's rules
speak of them. Of types that a family reads, what the family refuses is asked for here, as heads."""

from __future__ import annotations

from llmscale.store.tables import table

READER = "probed"


def has_class(model_type: str, class_name: str) -> bool:
    """Whether the class was derived."""
    return class_name in table(READER)["classes"].get(model_type, ())


def by_tensors(model_type: str) -> bool:
    """Whether only the tensors of a type are known."""
    return table("families").get(model_type) == READER
