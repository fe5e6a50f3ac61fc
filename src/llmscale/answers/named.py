"""How a command names a model: by its publisher's repository where the catalogue knows one."""

from __future__ import annotations

from llmscale.catalogue.entries import library_name, models
from llmscale.fit.about import About
from llmscale.runtimes.interface import ModelName

#: Who publishes GGUF files in every usual quant, the more trusted first.
COMPLETE = ("unsloth", "bartowski", "lmstudio-community", "mradermacher")


def called(about: About, reference: str = "", catalogue: str | None = None) -> ModelName:
    """The name of a model in a command.

    Args:
        reference: how the user called it.
    """
    entry = models(catalogue)["entries"].get(about.id) or {}
    files = min(entry.get("gguf") or (), key=_place, default="")
    own = next((one for one in entry.get("gguf") or () if one.startswith("ggml-org/")), "")
    kept = own if about.published_in == "mxfp4" else ""
    publisher = repository(about.id, reference, catalogue)
    return ModelName(about.id, publisher, about.published_in, files, kept, library_name(entry) if entry else "")


def _place(repository: str) -> int:
    """Repositories with every quant first: ggml-org's have but one or two."""
    owner = repository.split("/")[0]
    return COMPLETE.index(owner) if owner in COMPLETE else len(COMPLETE)


def repository(model: str, reference: str = "", catalogue: str | None = None) -> str:
    """The publisher's repository of a catalogue model: the one that `reference` names, else the one on the hub."""
    entry = models(catalogue)["entries"].get(model)
    if not entry:
        return ""
    known = [alias for alias in (entry.get("hub") or "", *entry.get("aliases", ())) if alias.count("/") == 1]
    asked = [alias for alias in known if alias.lower() == reference.strip().lower()]
    return next(iter(asked or known), "")
