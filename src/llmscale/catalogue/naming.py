"""What `data/names.yaml` must look like, and the table ``naming`` that is made of it and the models: keys to ids.

Of each spelling of a model's name the keys of its words are kept (`stems`), so that a name that nobody spelled out is
found by what it says.
"""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Any

from llmscale.catalogue.stems import stems
from llmscale.names import normal
from llmscale.records import dataclass
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
