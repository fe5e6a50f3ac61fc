"""What a quant loses, where somebody measured it (`data/quality.yaml`): the rise of perplexity against 16 bits.

Perplexity says how surprised a model is by a text; its rise, in per cent, compares quants of one model. How much a
preset loses differs between models, the order hardly: so one table of one model, the *reference*, ranks the quants,
and a model's own figure is shown where it was published.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from llmscale.records import NamedTuple, dataclass
from llmscale.store.tables import table

#: The only published table of nearly all of llama.cpp's presets of one model in one run.
REFERENCE_MODEL = "llama-3-8b"
REFERENCE_SOURCE = "tools/perplexity/README.md"


@dataclass(frozen=True)
class Measurement:
    """One published figure; see the head of `data/quality.yaml` for the fields."""

    model: str
    quant: str
    metric: str
    value: float
    source: str
    dataset: str = ""
    baseline: float | None = None
    baseline_source: str = ""
    imatrix: bool | None = None
    version: str = ""
    variant: str = ""
    derived: str = ""
    note: str = ""


class Loss(NamedTuple):
    """The rise of perplexity in per cent, and on what it was measured by whom."""

    percent: float
    told: str


def compile_quality(rows: Iterable[Measurement]) -> dict[str, dict[str, list[Any]]]:
    """By model: the quants and what they lose; under ``""`` those of the reference.

    Of several figures of one quant that with an importance matrix counts, since published files are made with one, then
    the first in the file. Perplexities of words are of another scale than those of tokens and left out.
    """
    models: dict[str, dict[str, list[Any]]] = {"": {}}
    for row in sorted(rows, key=lambda row: not row.imatrix):
        percent = _rise(row)
        if percent is None or row.variant or "word" in row.dataset:
            continue
        told = f"{row.model}, {row.dataset}{', importance matrix' if row.imatrix else ''}; {row.source}"
        models.setdefault(row.model, {}).setdefault(row.quant, [round(percent, 3), told])
        if row.model == REFERENCE_MODEL and REFERENCE_SOURCE in row.source:
            models[""].setdefault(row.quant, [round(percent, 3), told])
    return models


def _rise(row: Measurement) -> float | None:
    """Per cent; None for another metric."""
    if row.metric == "perplexity" and row.baseline:
        return 100 * (row.value / row.baseline - 1)
    if row.metric == "perplexity_ratio":
        return 100 * (row.value - 1)
    return None


def losses() -> dict[str, Loss]:
    """What each quant loses of the reference model, as far as published."""
    return {quant: Loss(*found) for quant, found in table("quality")[""].items()}


def loss(quant: str, model: str = "") -> Loss | None:
    """What a quant loses of `model` where somebody measured that, else of the reference model; None if nobody did."""
    data = table("quality")
    found = data.get(model, {}).get(quant) or data[""].get(quant)
    return Loss(*found) if found else None


@cache
def least_loss() -> float:
    """The per cent that no quant loses less than of any model; below 0, since some read one text a little better."""
    return min(0.0, *(float(percent) for known in table("quality").values() for percent, _ in known.values()))
