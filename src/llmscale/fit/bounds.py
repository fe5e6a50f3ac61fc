"""How far off each part of an estimate may be: `data/bounds.yaml`, which `make accuracy` writes from tests/truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmscale.fit.subject import Subject
from llmscale.quantity import Basis, Quantity
from llmscale.records import dataclass
from llmscale.runtimes.interface import Runtime
from llmscale.runtimes.placed import OVERHEAD, Placement
from llmscale.runtimes.subject import Exact
from llmscale.store.tables import table

#: What goes by how much a runtime takes besides.
LEFT_OVER = frozenset(("overhead", "kv_cache_tokens"))


@dataclass(frozen=True)
class MeasuredBound:
    """Rows that bound one part, as shares of the measured value.

    Attributes:
        within: the error that 95 of 100 rows keep to, widened where rows of a model that was left out did not.
        held: the share of these rows that do; `coverage` the same of models left out.
        held_out: whether the rows are of models that the mechanism was not built with.
    """

    what: str
    rows: int
    exact: int
    within: float
    worst: float
    held: float
    coverage: float
    held_out: bool
    source: str


def bounds_of(runtime: Runtime, subject: Subject, placed: Placement | None = None) -> dict[str, MeasuredBound]:
    """The bound of each part that was measured; none for a model that is assumed.

    Args:
        placed: where it lies. A cache that is what all else leaves has no bound where its own ends of that are wider.
    """
    entries: dict[str, dict[str, Any]] = table("bounds")["entries"]
    open_ended = LEFT_OVER if placed and placed.capacity and _ranged(placed.of(OVERHEAD)) else frozenset()
    return {
        part: MeasuredBound(**entry)
        for group in _groups(runtime, subject)
        for part, entry in entries.get(group, {}).items()
        if part not in open_ended
    }


def _ranged(part: Quantity) -> bool:
    return part.low != part.high


def _groups(runtime: Runtime, subject: Subject) -> Iterator[str]:
    """Which rows are of the same kind as an estimate."""
    quant = subject.quant
    # A narrow width without scales is no format that anybody runs.
    if not isinstance(subject, Exact) or subject.basis is Basis.ASSUMED or (quant.plain and quant.bits < 16):
        return
    if not quant.stored:  # the bytes of a file that is at hand are what they are
        yield "gguf" if quant.kind == "gguf" else "checkpoint"
    if runtime.bounded(subject):
        yield runtime.measured_as


#: What a part is called in a sentence.
WORDS = {
    "weights": "weights",
    "file": "file",
    "kv_cache": "KV cache",
    "kv_cache_tokens": "tokens that the KV cache holds",
    "state": "state",
    "compute": "compute",
    "activations": "activation peak",
    "graphs": "CUDA graphs",
    "overhead": "overhead",
    "alive": "KV cache and compute together",
    "allocated": "weights, KV cache and compute together",
}


def explain_bounds(runtime: Runtime, subject: Subject, placed: Placement | None = None) -> list[str]:
    """One line for each part that has a bound."""
    return [
        f"  {WORDS[part]}: within {percent(bound.within)} in 95 of 100 cases, by {bound.rows:,} measured rows"
        f"{' of models held out' if bound.held_out else ''}, worst {percent(bound.worst)} ({bound.what})"
        for part, bound in bounds_of(runtime, subject, placed).items()
    ]


def percent(share: float) -> str:
    """0.0 % only where it is exact."""
    return f"{100 * share:.3g} %" if share else "0.0 %"
