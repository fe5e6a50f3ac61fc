"""Which sources there are, in the order in which they are asked. One line each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextvars import ContextVar
from importlib import import_module
from typing import cast

from llmscale import plugins
from llmscale.errors import InputFileError, LlmscaleError, NotFoundError, UsageError
from llmscale.notes import note
from llmscale.sources.interface import Claim, Loaded, LoadOptions, Source, Undisclosed

#: Modules of this room. A bare word is a name of the catalogue before it is a path.
SOURCES = (
    "config_text",
    "standard_input",
    "literal",
    "ollama_store",
    "hub_repository",
    "gguf_file",
    "pipeline_folder",
    "sentence_folder",
    "safetensors_file",
    "pytorch_file",
    "params_json",
    "catalogue",
    "config_json",
)
#: Those that open nothing of this machine.
HARMLESS = ("config_text", "literal", "catalogue")
#: The only sources that are asked where they are named: a server answers strangers, who shall reach no file through it.
only: ContextVar[tuple[str, ...] | None] = ContextVar("only", default=None)


def load(reference: str, *, assume: str | None = None, catalogue: str | None = None) -> Loaded | Undisclosed:
    """Find the model that `reference` names: by the first source that is sure, else by the first that finds it.

    Args:
        reference: ``7B``, ``./config.json`` or its folder, or a catalogue model by any of its names.
        assume: the ``model_type`` to count a config.json as whose own is not known.
        catalogue: the user's own catalogue; None for the one that the environment or the configuration folder names.

    Raises:
        UsageError: nothing, a size that cannot be meant, or `assume` where nothing has to be assumed.
        NotFoundError: no such model, or no such family to assume.
        InputFileError: a file that does not describe a model we know, or a catalogue that cannot be read.
    """
    if not reference.strip("\0 \t\n") or "\0" in reference:
        raise UsageError("No model is named.", "For example llama-2-7b, 7B or ./config.json.")
    said = LoadOptions(assume, catalogue)
    unsure: list[Source] = []
    for source in _sources(said):
        claim = source.claims(reference)
        if claim is Claim.YES:
            return source.load(reference, said)
        if claim is Claim.MAYBE:
            unsure.append(source)
    return _first(unsure, reference, said)


def _sources(said: LoadOptions) -> Iterator[Source]:
    found = (cast(Source, import_module(f"{__package__}.{name}")) for name in only.get() or SOURCES)
    return (source for source in found if said.assume is None or source.assumes)


def _first(unsure: list[Source], reference: str, said: LoadOptions) -> Loaded | Undisclosed:
    missing: LlmscaleError | None = None
    for source in unsure:
        try:
            found = source.load(reference, said)
        except NotFoundError as error:
            missing = missing or error
        except InputFileError as error:
            if os.path.exists(os.path.expanduser(reference)):
                raise
            missing = missing or error
        else:
            away = isinstance(missing, InputFileError)
            return found._replace(notes=(note("file_not_here"), *found.notes)) if away else found
    for source in _brought(reference):
        return source.load(reference, said)
    raise missing or UsageError(
        f"--assume is for a config.json whose model_type is not known; '{reference[:60]}' is none.",
        "Leave it away, or name the file.",
    )


def _brought(reference: str) -> Iterator[Source]:
    """Sources of other packages that claim what none of ours finds."""
    if only.get():
        return iter(())
    return (cast(Source, found) for _, found in plugins.every("sources") if found.claims(reference) is not Claim.NO)
