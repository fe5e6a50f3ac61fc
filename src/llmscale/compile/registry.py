"""Which tables there are: the YAML that each is made from, and the function of its room that checks and makes it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NamedTuple

from llmscale.store.yaml_file import YamlFile


class Recipe(NamedTuple):
    """How a table is made: `make` of the module `module` takes the file `yaml` of data/, if it needs one, and `more`.

    Attributes:
        folder: of the package, whose modules are asked, whichever there are; none for most tables.
    """

    yaml: str
    module: str
    make: str = "check"
    more: tuple[str, ...] = ()
    folder: str = ""


#: The bytes of all models in the quants of a runtime: an answer asks for one or two of them.
SIZED = ("llama.cpp", "transformers", "vllm", "exllama", "mlx")
RECIPES = {
    "formats": Recipe("formats.yaml", "llmscale.formats.schema", "check_formats"),
    "quants": Recipe("quants.yaml", "llmscale.formats.schema", "check_quants"),
    "quality": Recipe("quality.yaml", "llmscale.formats.schema", "check_quality"),
    "vocabularies": Recipe("vocabularies.yaml", "llmscale.formats.schema", "check_vocabularies"),
    "gguf_names": Recipe("gguf_names.yaml", "llmscale.formats.schema", "check_gguf_names"),
    "families": Recipe("", "llmscale.compile.families", "families", folder="model/families"),
    "devices": Recipe("devices.yaml", "llmscale.devices.schema"),
    "models": Recipe("models.yaml", "llmscale.catalogue.schema"),
    "speed": Recipe("speed.yaml", "llmscale.speed.schema"),
    "bounds": Recipe("bounds.yaml", "llmscale.fit.schema"),
    "outlines": Recipe("models.yaml", "llmscale.compile.outlines", "outlines"),
    **{f"sizes_{runtime}": Recipe("models.yaml", "llmscale.compile.sizes", "sizes", (runtime,)) for runtime in SIZED},
}


def make(name: str, file: YamlFile | None = None) -> dict[str, Any]:
    """The table `name`, of what stands in `file`.

    Raises:
        InputFileError: what does not fit its schema, by file, line and field.
    """
    recipe = RECIPES[name]
    given = () if file is None else (file,)
    made: dict[str, Any] = getattr(import_module(recipe.module), recipe.make)(*given, *recipe.more)
    return made


def make_of(name: str, data: str) -> dict[str, Any]:
    """The table `name`, of the YAML in the folder `data`.

    Raises:
        InputFileError: as `make`.
    """
    yaml = RECIPES[name].yaml
    return make(name, YamlFile.read(os.path.join(data, yaml)) if yaml else None)
