"""Which tables there are: the YAML that each is made from, and the function of its room that checks and makes it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NamedTuple

from llmscale.store.yaml_file import YamlFile


class Recipe(NamedTuple):
    """How a table is made: `make` of the module `module` takes what is read of data/, and `more`.

    Attributes:
        yaml: a file of data/, or a folder, of which all files are read.
    """

    yaml: str
    module: str
    make: str = "check"
    more: tuple[str, ...] = ()


#: The bytes of all models in the quants of a runtime: an answer asks for one or two of them.
SIZED = ("llama.cpp", "transformers", "vllm", "exllama", "mlx")
RECIPES = {
    "formats": Recipe("formats.yaml", "llmscale.formats.schema", "check_formats"),
    "quants": Recipe("quants.yaml", "llmscale.formats.schema", "check_quants"),
    "quality": Recipe("quality.yaml", "llmscale.formats.schema", "check_quality"),
    "vocabularies": Recipe("vocabularies.yaml", "llmscale.formats.schema", "check_vocabularies"),
    "devices": Recipe("devices.yaml", "llmscale.devices.schema"),
    "models": Recipe("models.yaml", "llmscale.catalogue.schema"),
    "speed": Recipe("speed.yaml", "llmscale.speed.schema"),
    "bounds": Recipe("bounds.yaml", "llmscale.fit.schema"),
    "releases": Recipe("releases", "llmscale.runtimes.schema"),
    "outlines": Recipe("models.yaml", "llmscale.compile.outlines", "outlines"),
    **{f"sizes_{runtime}": Recipe("models.yaml", "llmscale.compile.sizes", "sizes", (runtime,)) for runtime in SIZED},
}


def sources(name: str, data: str) -> list[YamlFile]:
    """What the table `name` is made from, of the folder `data`.

    Raises:
        InputFileError: it cannot be read.
    """
    path = os.path.join(data, RECIPES[name].yaml)
    return YamlFile.read_folder(path) if os.path.isdir(path) else [YamlFile.read(path)]


def make(name: str, *files: YamlFile) -> dict[str, Any]:
    """The table `name`, of what stands in `files`.

    Raises:
        InputFileError: what does not fit its schema, by file, line and field.
    """
    recipe = RECIPES[name]
    made: dict[str, Any] = getattr(import_module(recipe.module), recipe.make)(*files, *recipe.more)
    return made
