"""What transformers makes of a catalogue model, compiled: what one sequence of 16 bits has alive at some contexts.

Between them it is taken to lie on a line, which is a little off: buffers come in multiples of 512 bytes.
"""

from __future__ import annotations

from typing import Any

from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import Memory, cache_bytes, known, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.transformers.rule import ruled
from llmscale.units import GIB

FRAMEWORK = GIB // 2
#: Contexts at which a model is traced, and the bytes of an activation there.
SAMPLED = (1, 512, 2048, 4096, 8192, 32_768, 131_072, 1_048_576)
WIDTH = 2
#: How far off a screening may be, as a share of what is used: the most that was seen, and as much.
SCREENED = 0.05


def summarise(subject: Exact) -> Any:
    """Contexts, and bytes of compute there; None for a model that is not traced."""
    from llmscale.runtimes.transformers.forward import is_traced
    from llmscale.runtimes.transformers.peak import traced

    if not is_traced(subject.spec):
        return None
    return [
        (context, traced(subject.spec, context, 1, WIDTH, "", static=False, plain=True).compute) for context in SAMPLED
    ]


def memory(summary: Summary, work: Workload) -> Memory:
    """What a model takes of one device; a size says nothing of the code that it runs through."""
    traced = summary.exact and summary.compiled and not work.options
    compute = _drawn(summary, work) if traced else ruled(summary, work)
    return Memory(
        weights=summary.weights,
        cache=Quantity.exactly(cache_bytes(summary.widths, work), summary.basis),
        state=Quantity.exactly(state_bytes(summary.widths, work), known(summary)),
        compute=compute,
        overhead=Quantity.exactly(FRAMEWORK, Basis.MODELLED),
    )


def _drawn(summary: Summary, work: Workload) -> Quantity:
    size = work.batch * between(summary.compiled, work.context) * work.activation_bytes // WIDTH
    return Quantity.exactly(size, Basis.MODELLED)


def between(points: list[tuple[int, int]], context: int) -> int:
    """The value at `context` on the lines between `points`, and on the last one beyond them; it never falls."""
    right = next((number for number, (at, _) in enumerate(points) if at >= context), len(points) - 1)
    (before, low), (after, high) = points[max(0, right - 1)], points[right]
    return low if after == before else max(low, low + (high - low) * (context - before) // (after - before))
