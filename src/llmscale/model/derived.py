"""Model types of which only the tensors are known: they were derived by machine (`make probe`), and no runtime's rules
speak of them."""

from __future__ import annotations

from llmscale.store.tables import table

READER = "probed"


def by_tensors(model_type: str) -> bool:
    """Whether only the tensors of a type are known."""
    return table("families").get(model_type) == READER
