"""The quant that a name means without saying it: by a tag of Ollama's library, or by those who load GGUF files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from llmscale.catalogue.published_files import only_quant
from llmscale.catalogue.reading import Reading
from llmscale.catalogue.stems import is_size, readings, words_of
from llmscale.names import shortened
from llmscale.notes import Note, note

#: What Ollama's library and llama.cpp's ``-hf`` take where no quant is named: github.com/ggml-org/llama.cpp
#: tools/server/README.md (``-hf``: "default to Q4_K_M"), and the tags of ollama.com/library.
USUAL_GGUF = "q4_k_m"


#: What says a quant that a name does not: those who load the files of a repository, or what a library has under a tag.
BY_CUSTOM, BY_LIBRARY = "custom", "library"


def quant_meant(reading: Reading, naming: dict[str, Any]) -> tuple[str, str]:
    """The quant that is meant, and by what where the name itself does not say it: `BY_CUSTOM` or `BY_LIBRARY`."""
    if reading.quant or reading.mix or not reading.gguf:
        return reading.quant, ""
    if only := only_quant(reading.owner, reading.name):
        return only, ""
    library = naming["library"].get(reading.library)
    if library is None:
        return USUAL_GGUF, BY_CUSTOM
    said = tag_words(reading)
    own = tag_of(said if any(map(is_size, said)) else [library["latest"]], library["quants"])
    return library["quants"].get(own) or library["quant"] or USUAL_GGUF, BY_LIBRARY


def taken(text: str, model_id: str, quant: str, by: str) -> Note:
    """What a name was taken for."""
    typed = shortened(text)
    if not quant:
        return note("taken", typed=typed, model=model_id)
    if by == BY_LIBRARY:
        return note("taken_in_library", typed=typed, model=model_id, quant=quant)
    if by == BY_CUSTOM:
        return note("taken_in_usual", typed=typed, model=model_id, quant=quant)
    return note("taken_in", typed=typed, model=model_id, quant=quant)


def tag_words(reading: Reading) -> list[str]:
    """What an Ollama name says behind the name in the library."""
    base = next(readings(reading.library))
    return [word for word in next(readings(reading.name.lower())) if word not in base]


def tag_of(said: Collection[str], tags: Iterable[str]) -> str:
    """Of these tags the one with most words that are all said; empty where none is."""
    whole = [tag for tag in tags if set(words_of(tag)) <= set(said)]
    return max(whole, key=lambda tag: len(words_of(tag)), default="")
