"""How a command names a model: by its publisher's repository where the catalogue knows one."""

from __future__ import annotations

from llmscale.catalogue.entries import models
from llmscale.fit.subject import About
from llmscale.runtimes.interface import ModelName


def called(about: About, reference: str = "", catalogue: str | None = None) -> ModelName:
    """The name of a model in a command.

    Args:
        reference: how the user called it.
    """
    entry = models(catalogue)["entries"].get(about.id) or {}
    files = next(iter(entry.get("gguf") or ()), "")
    return ModelName(about.id, repository(about.id, reference, catalogue), about.published_in, files)


def repository(model: str, reference: str = "", catalogue: str | None = None) -> str:
    """The publisher's repository of a catalogue model: the one that `reference` names, else the first that is known."""
    entry = models(catalogue)["entries"].get(model)
    known = [alias for alias in entry.get("aliases", ()) if alias.count("/") == 1] if entry else []
    asked = [alias for alias in known if alias.lower() == reference.strip().lower()]
    return next(iter(asked or known), "")
