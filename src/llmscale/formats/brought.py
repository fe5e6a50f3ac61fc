"""Quants that other packages bring: a YAML file each, as `data/quants.yaml` is."""

from __future__ import annotations

from functools import cache
from typing import Any

from llmscale import plugins
from llmscale.errors import NotFoundError
from llmscale.formats.recipe import Quant
from llmscale.names import find


def quant(name: str) -> Quant | None:
    """The quant that goes by `name` in a file of another package; None where none does.

    Raises:
        InputFileError: a file that does not fit the schema.
    """
    for _, path in plugins.every("quants"):
        data = _checked(str(path))
        try:
            return Quant(**data["entries"][find(name, data["names"], "quant")])
        except NotFoundError:
            continue
    return None


@cache
def _checked(path: str) -> dict[str, Any]:
    from llmscale.formats.schema import check_quants  # brings YAML and pydantic
    from llmscale.store.yaml_file import YamlFile

    return check_quants(YamlFile.read(path))
