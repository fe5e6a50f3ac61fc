"""From a model's name as people type it to one entry of the catalogue and the quant that the name says.

What is spelled out in the catalogue is found without this module (`entries.lookup`). Here a name is read (`reading`),
its words are compared with those of every known spelling (`stems`), closest first, and one entry is taken only if all
words that count are accounted for: a word that nobody knows may be another model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llmscale.catalogue.reading import read
from llmscale.catalogue.stems import (
    NEAR,
    begins,
    is_active,
    is_size,
    key,
    keys,
    latin,
    readings,
    size_of,
    stems,
    words_of,
)
from llmscale.catalogue.tags import quant_meant, tag_of, tag_words, taken
from llmscale.catalogue.unknown import Typed, further, unknown
from llmscale.errors import NotFoundError
from llmscale.names import find, normal, shortened
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.store.tables import table


class Resolved(NamedTuple):
    """What a name led to.

    Attributes:
        spelling: a spelling that the catalogue has: an id or an alias.
        quant: the quant to answer in when none is asked for; empty for the usual ones.
        notes: what was taken.
    """

    spelling: str
    quant: str = ""
    notes: tuple[Note, ...] = ()


def resolve(text: str, models: dict[str, Any], shipped: bool = True) -> Resolved:
    """The model that `text` means.

    Args:
        models: the table of models.
        shipped: whether that is the one that ships, whose words are compiled.

    Raises:
        NotFoundError: none, with those of its family; or several, newest first.
    """
    naming = table("naming")
    known = naming["stems"] if shipped else stems(models, naming["words"], naming["noise"])
    reading = read(latin(text, naming["words"]))
    typed = Typed(models, naming, reading)
    finder = _Finder(typed, known)
    found = finder.spelling() or finder.beginning(text)
    bare = finder.default()  # whatever other names begin so
    if bare is None and finder.of_family(found):
        found = None
    default = bare is not None and (found is None or finder.guesses())
    if default:
        found = bare
    if found is None:
        raise unknown(text, typed, finder.several)
    model_id = models["names"][normal(found)][0]
    quant, by = quant_meant(reading, naming)
    notes = [taken(text, model_id, quant, by)]
    if default:
        notes.append(note("library_default", typed=shortened(text)))
    if reading.mix:
        notes.append(note("own_mix", mix=reading.mix.upper()))
    return Resolved(found, quant, tuple(notes))


def quant_of(text: str) -> str:
    """The quant in a name that the catalogue has as it is; empty where none is named."""
    return read(text).quant


class _Finder:
    """Compares the words of one name with those that the catalogue has."""

    def __init__(self, typed: Typed, known: dict[str, Any]) -> None:
        self._typed, self._known = typed, known
        self._models, self._naming, self._reading = typed
        self.several: list[str] = []

    def of_family(self, found: str | None) -> bool:
        """Whether the name is only the first word of several models' names, and `found` a guess among them."""
        name = self._reading.name.strip()
        if self._reading.owner or self._reading.gguf or self._reading.quant or not name.isalpha():
            return False
        if found and not self.guesses():
            return False
        words = next(readings(name))
        members = [one for one in self._models["entries"] if next(readings(one))[:1] == words]
        plain = list(further(self._typed))
        if len(members) > 1:
            self.several = plain if len(plain) > 1 else members
        return len(members) > 1

    def guesses(self) -> bool:
        """Whether what is found says more than what was typed, as a size."""
        return self._exact(self._reading.name.strip()) is None

    def spelling(self) -> str | None:
        """A spelling of the one model that is meant; None when none is, or several are."""
        found = next(filter(None, map(self._exact, self._plain())), None) or self._of_library()
        if found:
            return found
        for text in self._spellings():
            for words in readings(text):
                found = self._exact(text) or self._by_words(words)
                if found:
                    return found
        return None

    def _plain(self) -> Iterator[str]:
        """What a name that is none of the library's may be as it stands."""
        if not self._reading.library:
            yield from (text.strip() for text in (self._reading.whole, self._reading.name))

    def _of_library(self) -> str | None:
        """What a tag of Ollama's names."""
        library = self._naming["library"].get(self._reading.library)
        if library is None:
            return self._tag_in_words()
        tags: dict[str, str] = library["tags"]
        said = [word for word in tag_words(self._reading) if word not in self._naming["noise"]]
        tag = tag_of(said, tags) or ("" if any(map(is_size, said)) else library["latest"])
        rest = {word for word in said if word not in words_of(tag) and not is_active(word)}
        target = tags.get(tag)
        return target if target and rest <= self._all_words(target) else None

    def _all_words(self, spelling: str) -> set[str]:
        """The words of every name of a model."""
        model_id = self._models["names"][normal(spelling)][0]
        names = (model_id, *self._models["entries"][model_id]["aliases"])
        return {word for name in names for words in readings(name) for word in words}

    def _tag_in_words(self) -> str | None:
        """A name and a size of Ollama's library with something else than a colon between them."""
        name = self._reading.name.strip()
        for words in readings(name):
            size = next((word for word in words if is_size(word)), "")
            rest = key(word for word in words if word != size and word not in self._naming["noise"])
            for library, named in self._naming["library"].items():
                if size in named["tags"] and rest == key(next(readings(library))):
                    return str(named["tags"][size])
        return None

    def _spellings(self) -> Iterator[str]:
        """What may be the name: with its formats, without, without an owner put before it (``Qwen_Qwen3-8B``)."""
        reading = self._reading
        for text in (reading.whole, reading.name):
            yield text
            owner, sign, name = text.partition("_")
            if sign and owner.lower() in self._known["owners"]:
                yield name
            if library := self._naming["library"].get(reading.library):
                yield f"{text} {library['latest']}"

    def _exact(self, text: str) -> str | None:
        return text if len(self._models["names"].get(normal(text), ())) == 1 else None

    def _by_words(self, words: list[str]) -> str | None:
        noise = self._naming["noise"]
        told = keys(words, noise)
        for stem in told:
            for index in ("0", "1", "2"):
                if found := self._one(self._known["named"][index].get(stem, ())):
                    return str(self._known["variants"].get(stem, found))
        return self._by_size([word for word in words if word not in noise])

    def _by_size(self, words: list[str]) -> str | None:
        """A name that says its size where the catalogue's does not, or the other way round."""
        sizes = [word for word in words if is_size(word)]
        rest = [word for word in words if not is_size(word)]
        index = self._known["sizeless" if sizes else "sized"]
        found = index.get(key(rest)) or index.get(key(word for word in rest if not is_active(word)), ())
        if sizes:
            found = [one for one in found if len(sizes) == 1 and self._is_near(one, size_of(sizes[0]))]
        return self._one(found)

    def _is_near(self, model_id: str, size: float) -> bool:
        entry = self._models["entries"][model_id]
        count = entry["counted"] or entry["parameters"]
        return bool(count) and abs(count - size) <= NEAR * size

    def _one(self, found: Iterable[str]) -> str | None:
        found = list(found)
        if len(found) == 1:
            return found[0]
        self.several = self.several or found
        return None

    def beginning(self, text: str) -> str | None:
        """The one model whose names begin so; only of a plain name, which says no place and no tag."""
        if self.several or self._reading.owner or self._reading.gguf:
            return None
        try:
            found = find(text, self._models["names"], "model")
        except NotFoundError:
            return None
        spellings = (found, *self._models["entries"][found]["aliases"])
        return found if any(begins(text, spelling.rpartition("/")[2]) for spelling in spellings) else None

    def default(self) -> str | None:
        """What Ollama loads for a bare name of its library that is no model's here; not where several have it."""
        reading, library = self._reading, self._reading.name.strip().lower()
        if len(self.several) > 1 or reading.owner or reading.gguf or library not in self._naming["library"]:
            return None
        return _Finder(self._typed._replace(reading=reading._replace(library=library)), self._known).spelling()
