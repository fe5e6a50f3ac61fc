"""What `data/speed.yaml` and `data/load.yaml` must look like; benchmarks write them, nobody by hand."""

from __future__ import annotations

from typing import Any

from llmscale.store.yaml_file import YamlFile


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``speed``.

    Raises:
        InputFileError: it is no mapping.
    """
    return file.mapping("names to factors")


def check_load(file: YamlFile) -> dict[str, Any]:
    """The table ``load``: how far off figures of many users are.

    Raises:
        InputFileError: it is no mapping.
    """
    return file.mapping("figures to ranges")
