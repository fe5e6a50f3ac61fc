"""Which tables there are: the YAML that each is made from, and the function of its room that checks and makes it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from llmscale.records import NamedTuple
from llmscale.store.yaml_file import YamlFile


class Recipe(NamedTuple):
    """How a table is made: `make` of the module `module` takes what is read of data/, and `more`.

    Attributes:
        yaml: a file of data/, or a folder, of which all files are read; empty where none is.
        folder: of the package, whose modules are asked, whichever there are; empty for most tables.
    """

    yaml: str
    module: str
    make: str = "check"
    more: tuple[str, ...] = ()
    folder: str = ""


#: Tables of which there is one a runtime: the bytes of all models in the quants that it reads, what it makes of them.
SIZES, SUMMARIES = "sizes_", "summaries_"
RECIPES = {
    "formats": Recipe("formats.yaml", "llmscale.formats.schema", "check_formats"),
    "quants": Recipe("quants.yaml", "llmscale.formats.schema", "check_quants"),
    "quality": Recipe("quality.yaml", "llmscale.formats.schema", "check_quality"),
    "vocabularies": Recipe("vocabularies.yaml", "llmscale.formats.schema", "check_vocabularies"),
    "gguf_names": Recipe("gguf_names.yaml", "llmscale.formats.schema", "check_gguf_names"),
    "keys": Recipe("keys.yaml", "llmscale.model.families._schema", "check_keys"),
    "probed": Recipe("probed", "llmscale.model.families._schema", "check_probed"),
    "families": Recipe("", "llmscale.compile.families", "families", folder="model/families"),
    "devices": Recipe("devices.yaml", "llmscale.devices.schema"),
    "device_names": Recipe("device_names.yaml", "llmscale.devices.naming"),
    "models": Recipe("models.yaml", "llmscale.catalogue.schema"),
    "published_files": Recipe("published_files.yaml", "llmscale.catalogue.published_files"),
    "scores": Recipe("scores.yaml", "llmscale.catalogue.scores"),
    "glossary": Recipe("glossary.yaml", "llmscale.glossary.schema"),
    "naming": Recipe("names.yaml", "llmscale.catalogue.naming"),
    "speed": Recipe("speed.yaml", "llmscale.speed.schema"),
    "load": Recipe("load.yaml", "llmscale.speed.schema", "check_load"),
    "bounds": Recipe("bounds.yaml", "llmscale.fit.schema"),
    "releases": Recipe("releases", "llmscale.runtimes.schema"),
    "completion": Recipe("", "llmscale.compile.completion", "completion"),
    "options": Recipe("", "llmscale.compile.options", "options"),
    "zh": Recipe("zh.yaml", "llmscale.store.phrases"),
    "training": Recipe("training.yaml", "llmscale.training.schema"),
    "worths": Recipe("models.yaml", "llmscale.answers.worth", "compiled"),
    "summaries": Recipe("models.yaml", "llmscale.compile.summaries", "summaries"),
    "neighbours": Recipe("", "llmscale.fit.neighbours", "compiled"),
}


def recipe(name: str) -> Recipe:
    """How the table `name` is made."""
    for prefix, module, make in (
        (SIZES, "llmscale.compile.sizes", "sizes"),
        (SUMMARIES, "llmscale.compile.summaries", "of_runtime"),
    ):
        if name.startswith(prefix):
            return Recipe("models.yaml", module, make, (name.removeprefix(prefix),))
    return RECIPES[name]


def tables() -> list[str]:
    """The names of all tables."""
    from llmscale.formats.catalogue import quants
    from llmscale.runtimes.registry import infos

    sized = dict.fromkeys(quant.runtime for quant in quants())
    engines = [info.name for info in infos() if not info.engine]  # a front end reads its engine's
    return [*RECIPES, *(f"{SIZES}{runtime}" for runtime in sized), *(f"{SUMMARIES}{runtime}" for runtime in engines)]


def sources(name: str, data: str) -> list[YamlFile]:
    """What the table `name` is made from, of the folder `data`.

    Raises:
        InputFileError: it cannot be read.
    """
    yaml = recipe(name).yaml
    if not yaml:
        return []
    path = os.path.join(data, yaml)
    return YamlFile.read_folder(path) if os.path.isdir(path) else [YamlFile.read(path)]


def make(name: str, *files: YamlFile) -> dict[str, Any]:
    """The table `name`, of what stands in `files`.

    Raises:
        InputFileError: what does not fit its schema, by file, line and field.
    """
    how = recipe(name)
    made: dict[str, Any] = getattr(import_module(how.module), how.make)(*files, *how.more)
    return made
