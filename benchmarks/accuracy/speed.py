"""Tokens per second: not compared again, since `benchmarks/fit_speed.py` records its errors on what it left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

DATA = Path(__file__).parents[2] / "data" / "speed.yaml"
DECODE = "decode tokens/s, model left out"
#: What is shown: its name, and where it stands in the file.
SHOWN = {
    DECODE: ("decode", "unseen_model"),
    "decode tokens/s, device left out": ("decode", "unseen_device"),
    "decode tokens/s, class of devices left out": ("decode", "unseen_class"),
    "prefill tokens/s, model left out": ("prefill", "unseen_model"),
    "prefill tokens/s, device left out": ("prefill", "unseen_device"),
}


class Fitted(NamedTuple):
    """Errors as shares of the measured value, of rows that the fit did not see."""

    rows: int
    median: float
    p90: float


class Coverage(NamedTuple):
    """The share of rows that a printed range holds, with the model or the device left out."""

    what: str
    share: float


def fitted() -> dict[str, Fitted]:
    """Cross-validated errors by what was left out."""
    accuracy = _table()["accuracy"]
    found = {what: accuracy[kind][left_out] for what, (kind, left_out) in SHOWN.items()}
    return {what: Fitted(one["rows"], one["median"] / 100, one["p90"] / 100) for what, one in found.items()}


def coverages() -> list[Coverage]:
    """How often the ranges hold the truth."""
    return [
        Coverage(f"{kind} tokens/s, {left_out.replace('_', ' of ')} left out", one["share"])
        for kind, parts in _table()["coverage"].items()
        for left_out, one in parts.items()
    ]


def _table() -> dict[str, Any]:
    return yaml.safe_load(DATA.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
