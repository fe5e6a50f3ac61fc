"""``models add``: a config.json becomes an entry of the user's own catalogue; the rest of the file stays as it is."""

from __future__ import annotations

import os
from typing import Any

from llmscale.answers.results.lists import AddedModel
from llmscale.catalogue import user as user_catalogue
from llmscale.errors import UsageError
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.spec import ModelSpec
from llmscale.sources import config_json, literal
from llmscale.sources.interface import Claim

#: The role of the convolutions that samples of sound, or frames of it, go through first.
SOUND = "embedding.convolution"


def add_model(
    reference: str,
    model_id: str,
    *,
    name: str | None = None,
    publisher: str = "",
    licence: str = "",
    released: str = "",
    open_weights: bool = False,
    force: bool = False,
    catalogue: str | None = None,
) -> AddedModel:
    """Write the config.json at `reference`, or in that folder, into the user's catalogue as `model_id`.

    Args:
        name: what tables call it; the id when None.
        released: ``2025-01``.
        open_weights: whether the weights can be downloaded.
        force: replace an entry of that id in the user's file, and take a name of a model that ships with llmscale.
        catalogue: the file; None for the one that the environment names, else the one in the configuration folder.
            It and its folder are made where they are missing.

    Raises:
        UsageError: an id that cannot be one, or that is taken without `force`.
        InputFileError: a config that cannot be counted, or a file that cannot be read or written; it is then untouched.
    """
    from llmscale.catalogue.add import ID_HINT, add_entry, check_id  # brings YAML

    check_id(model_id)
    if literal.claims(model_id) is Claim.YES or model_id.endswith(".json"):
        raise UsageError(f"'{model_id}' would be read as a size or a file.", ID_HINT)
    path = config_json.locate(reference)
    spec = config_json.load(reference).known()
    parts = inventory(spec)
    file = user_catalogue.named_location(catalogue) or user_catalogue.default_location()
    fields: dict[str, Any] = {
        "name": name or model_id,
        "publisher": publisher,
        "modality": _modality(spec, parts),
        "released": released,
        "licence": licence,
        "open": open_weights,
        "source": os.path.abspath(path),
        **({"context": spec.max_context} if spec.max_context else {}),
        "checked": "added by llmscale models add",
        "config": config_json.read(path),
    }
    added = add_entry(file, model_id, fields, force=force)
    return AddedModel(model_id, file, parts.total(), parts.active(), added.replaced, added.hides)


def _modality(spec: ModelSpec, parts: Inventory) -> str:
    """``audio`` where it takes in sound, ``multimodal`` where a text part has towers, else its one kind of input."""
    if any(group.role == SOUND for group in parts.groups):
        return "audio"
    if spec.vocab_size:
        return "multimodal" if any(placed.tower for placed in spec.placed) else "text"
    return "vision"
