"""What `data/speed.yaml` must look like; benchmarks/fit_speed.py writes it, nobody by hand."""

from __future__ import annotations

from typing import Any

from llmscale.store.yaml_file import YamlFile


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``speed``.

    Raises:
        InputFileError: it is no mapping.
    """
    return file.mapping("names to factors")
