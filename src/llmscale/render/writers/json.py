"""``-o json``: the contract, indented."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report
from llmscale.render.words import Words
from llmscale.render.writers.contract import contract

name, needs = "json", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """One JSON object."""
    return json.dumps(contract(result), ensure_ascii=False, indent=2) + "\n"
