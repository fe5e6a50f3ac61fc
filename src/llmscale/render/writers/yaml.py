"""``-o yaml``: the same object as JSON has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report
from llmscale.render.words import Words
from llmscale.render.writers.contract import contract

name, needs = "yaml", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """One YAML document."""
    import yaml

    return str(yaml.safe_dump(contract(result), allow_unicode=True, sort_keys=False, width=100))
