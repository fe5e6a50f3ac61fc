"""What `data/training.yaml` must look like."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmscale.records import dataclass
from llmscale.store.yaml_file import YamlFile
from llmscale.training.published import Domain, Network, Price, Reached, Run


@dataclass
class _Published:
    efficiency: list[Reached]
    prices: list[Price]
    runs: list[Run]
    networks: list[Network]
    domains: list[Domain]


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``training``.

    Raises:
        InputFileError: a row that does not fit.
    """
    return asdict(file.typed(file.content(), _Published))
