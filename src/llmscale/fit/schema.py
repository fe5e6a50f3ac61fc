"""What `data/bounds.yaml` must look like."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmscale.fit.bounds import MeasuredBound
from llmscale.store.yaml_file import YamlFile


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``bounds``: by group of rows and part.

    Raises:
        InputFileError: an entry that does not fit.
    """
    groups = file.typed(file.content(), dict[str, dict[str, MeasuredBound]])
    return {"entries": {group: {part: asdict(e) for part, e in parts.items()} for group, parts in groups.items()}}
