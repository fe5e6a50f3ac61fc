"""What `data/names.yaml` must look like, and the table ``naming`` that is made of it and the models: keys to ids.

Of each spelling of a model's name the keys of its words are kept (`stems`), so that a name that nobody spelled out is
found by what it says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from llmscale.catalogue.stems import is_active, is_size, key, keys, latin, readings
from llmscale.names import normal
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile


@dataclass(frozen=True)
class LibraryName:
    """A name in Ollama's library.

    Attributes:
        latest: the size that the name alone means; empty where there is only one model.
        tags: models by size, where the catalogue calls them otherwise.
        quant: what a tag without one holds.
    """

    latest: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    quant: str = ""


@dataclass(frozen=True)
class ModelNames:
    """The file; `library` is Ollama's."""

    words: dict[str, str]
    noise: list[str]
    library: dict[str, LibraryName]


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``naming``: the file, Ollama's tags as ids, and `Stems` of every spelling that the catalogue has.

    Raises:
        InputFileError: a tag of something that the catalogue does not know, or knows twice.
    """
    given = file.typed(file.mapping("what is named to names"), ModelNames)
    models = table("models")
    for library, named in given.library.items():
        for tag, target in named.tags.items():
            if len(models["names"].get(normal(target), ())) != 1:
                raise file.error(("library", library), f"{library}:{tag}: '{target}' is not the name of one model.")
    return {**asdict(given), "stems": stems(models, given.words, given.noise)}


def stems(models: dict[str, Any], words: dict[str, str], noise: list[str]) -> dict[str, Any]:
    """What names are compared with.

    Returns:
        ``named``: ids by the keys of all spellings, closest first; ``sizeless``: ids by spellings that say no size,
        and ``sized``: by those that do, without it; ``variants``: by key the spelling of a variant; ``owners`` of
        repositories.
    """
    named: dict[str, dict[str, list[str]]] = {"0": {}, "1": {}, "2": {}}
    sizes: dict[str, dict[str, list[str]]] = {"sizeless": {}, "sized": {}}
    variants: dict[str, str] = {}
    owners: set[str] = set()
    for model_id, entry in models["entries"].items():
        aliases = entry["aliases"]
        owners |= {alias.partition("/")[0].lower() for alias in aliases if alias.count("/") == 1}
        apart = {alias.rpartition("/")[2] for alias in entry["variants"]}
        for spelling in dict.fromkeys((model_id, entry["name"], *(alias.rpartition("/")[2] for alias in aliases))):
            for found in readings(latin(spelling, words)):
                for level, stem in enumerate(keys(found, noise)):
                    _add(named[str(level)], stem, model_id)
                    if spelling in apart:
                        variants[stem] = spelling
                plain = [word for word in found if word not in noise and not is_size(word)]
                index = sizes["sized" if any(map(is_size, found)) else "sizeless"]
                for told in (plain, [word for word in plain if not is_active(word)]):
                    _add(index, key(told), model_id)
    return {"named": named, **sizes, "variants": variants, "owners": sorted(owners)}


def _add(index: dict[str, list[str]], stem: str, model_id: str) -> None:
    found = index.setdefault(stem, [])
    if stem and model_id not in found:
        found.append(model_id)
