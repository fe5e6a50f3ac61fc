"""What answers share: which model, and how any answer becomes JSON."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from llmscale.answers.results.inner import is_inner
from llmscale.records import dataclass

if TYPE_CHECKING:
    from llmscale.fit.about import About

SCHEMA = "llmscale/1"


@dataclass
class ModelRef:
    """Which model a result is about, where it is from and how its size is known."""

    id: str
    name: str
    source: str
    basis: str


@dataclass
class SizedModelRef(ModelRef):
    """A model with its size."""

    parameters: int
    active_parameters: int


def model_ref(about: About) -> SizedModelRef:
    """The reference to a model that answers carry."""
    return SizedModelRef(about.id, about.name, about.source, about.basis.value, about.parameters, about.active)


@dataclass
class LossRef:
    """What a quant loses: the rise of perplexity against 16 bits in per cent, on which model and text, by whom.

    `own` says whether it was measured on the model that the answer is about; else it is of the reference model, and
    only the order of quants carries over.
    """

    percent: float
    own: bool
    source: str

    @classmethod
    def of(cls, quant: str, model: str) -> LossRef | None:
        """None where nobody published it."""
        from llmscale.formats.quality import loss

        found = loss(quant, model)
        return LossRef(found.percent, found.told.startswith(f"{model},"), found.told) if found else None


@dataclass
class Bound:
    """How far off a part may be, as shares of the true value: 95 of 100 rows were off by `within` at most.

    `source` is the quantity that was compared, as docs/accuracy.md names it; `held_out` when the rows are of models
    that the mechanism was not built with.
    """

    within: float
    worst: float
    rows: int
    held_out: bool
    source: str


def to_json(value: Any) -> Any:
    """`value` as what JSON knows: dataclasses become objects with ``schema`` and ``command`` first."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in fields(value) if not is_inner(f)]
        first = [name for name in ("schema", "command") if name in names]
        order = first + [name for name in names if name not in first]
        return {name: to_json(getattr(value, name)) for name in order}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value
