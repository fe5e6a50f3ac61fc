"""How far off each part of an estimate may be: `data/bounds.yaml`, which `make accuracy` writes from tests/truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmscale.answers.results.common import Bound
from llmscale.fit.footprint import Candidate
from llmscale.formats.recipe import Quant
from llmscale.store.tables import table

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


@dataclass(frozen=True)
class Entry:
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


def bounds_of(candidate: Candidate, quant: Quant) -> dict[str, Bound]:
    """The bound of each part that was measured; none for a model that is assumed."""
    return {
        part: Bound(entry["within"], entry["worst"], entry["rows"], entry["held_out"], entry["what"])
        for group in _groups(candidate, quant)
        for part, entry in table("bounds")["entries"].get(group, {}).items()
    }


def _groups(candidate: Candidate, quant: Quant) -> Iterator[str]:
    """Which rows are of the same kind as an estimate."""
    # A narrow width without scales is no format that anybody runs.
    if candidate.assumed or candidate.subjects[0].spec is None or (quant.plain and quant.bits < 16):
        return
    yield "gguf" if quant.kind == "gguf" else "checkpoint"
    if _measured(candidate):
        yield candidate.runtime.name


def _measured(candidate: Candidate) -> bool:
    """Whether the runtime's own rows were made with what computes this estimate."""
    name, spec = candidate.runtime.name, candidate.subjects[0].spec
    if spec is None:
        return False
    if name == "transformers":
        from llmscale.runtimes.transformers.forward import is_traced
        from llmscale.runtimes.transformers.styles import ENCODERS, compared

        # The rows that bound an estimate are of decoders.
        return is_traced(spec) and spec.family not in ENCODERS and compared(spec.text_family or spec.family)
    if name != "llama.cpp":
        return True
    from llmscale.runtimes.llama_cpp.simulate import facts

    return facts(spec).known


def explain_bounds(candidate: Candidate, quant: Quant) -> list[str]:
    """One line for each part that has a bound."""
    return [
        f"  {WORDS[part]}: within {percent(bound.within)} in 95 of 100 cases, by {bound.rows:,} measured rows"
        f"{' of models held out' if bound.held_out else ''}, worst {percent(bound.worst)} ({bound.source})"
        for part, bound in bounds_of(candidate, quant).items()
    ]


def percent(share: float) -> str:
    """0.0 % only where it is exact."""
    return f"{100 * share:.3g} %" if share else "0.0 %"
