"""The names that the command line completes, as one table: a key press does not read all that is known of them."""

from __future__ import annotations

from llmscale.store.tables import table


def completion() -> dict[str, list[str]]:
    """``models`` by id, their ``addresses`` on hubs, ``devices`` and ``quants``."""
    models = table("models")["entries"]
    return {
        "models": list(models),
        "addresses": [alias for entry in models.values() for alias in entry["aliases"] if "/" in alias],
        "devices": list(table("devices")["entries"]),
        "quants": list(table("quants")["entries"]),
    }
