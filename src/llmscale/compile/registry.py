"""Which tables there are: the YAML that each is made from, and the function of its room that checks and makes it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from llmscale.store.yaml_file import YamlFile


class Recipe(NamedTuple):
    """How a table is made: `make` of the module `module` takes the file `yaml` of data/, and `more`."""

    yaml: str
    module: str
    make: str = "check"
    more: tuple[str, ...] = ()


#: Tables of which there is one a runtime: the bytes of all models in the quants that it reads, what it makes of them.
SIZES, SUMMARIES = "sizes_", "summaries_"
RECIPES = {
    "formats": Recipe("formats.yaml", "llmscale.formats.schema", "check_formats"),
    "quants": Recipe("quants.yaml", "llmscale.formats.schema", "check_quants"),
    "quality": Recipe("quality.yaml", "llmscale.formats.schema", "check_quality"),
    "vocabularies": Recipe("vocabularies.yaml", "llmscale.formats.schema", "check_vocabularies"),
    "devices": Recipe("devices.yaml", "llmscale.devices.schema"),
    "models": Recipe("models.yaml", "llmscale.catalogue.schema"),
    "speed": Recipe("speed.yaml", "llmscale.speed.schema"),
    "bounds": Recipe("bounds.yaml", "llmscale.fit.schema"),
    "outlines": Recipe("models.yaml", "llmscale.compile.outlines", "outlines"),
    **{f"sizes_{runtime}": Recipe("models.yaml", "llmscale.compile.sizes", "sizes", (runtime,)) for runtime in SIZED},
}


def make(name: str, file: YamlFile) -> dict[str, Any]:
    """The table `name`, of what stands in `file`.

    Raises:
        InputFileError: what does not fit its schema, by file, line and field.
    """
    how = recipe(name)
    made: dict[str, Any] = getattr(import_module(how.module), how.make)(file, *how.more)
    return made
