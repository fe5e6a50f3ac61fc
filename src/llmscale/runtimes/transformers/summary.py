"""What transformers makes of a catalogue model, compiled: what one sequence of 16 bits has alive at some contexts.

Between them it is taken to lie on a line, which is a little off: buffers come in multiples of 512 bytes.
"""

from __future__ import annotations

from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import Memory, cache_bytes, known, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import UNKNOWN, Off
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.transformers.rule import ruled
from llmscale.units import GIB

FRAMEWORK = GIB // 2
#: Contexts at which a model is traced, and the bytes of an activation there.
SAMPLED = (1, 512, 2048, 4096, 8192, 32_768, 131_072, 1_048_576)
WIDTH = 2
#: How far off a screening may be, as a share of what is used: the most that was seen, and as much; so also of what was
#: traced just so, where recurrent states are a little otherwise (tests/runtimes/transformers/test_screen.py).
SCREENED, TRACED = 0.07, 0.0015


def summarise(subject: Exact) -> Any:
    """Contexts, and bytes of compute there; None for a model that is not traced."""
    from llmscale.runtimes.transformers.forward import is_traced
    from llmscale.runtimes.transformers.peak import traced

    if not is_traced(subject.spec):
        return None
    return [
        (context, traced(subject.spec, context, 1, WIDTH, "", static=False, plain=True).compute) for context in SAMPLED
    ]


def error(summary: Summary, work: Workload, devices: DeviceSet) -> Off:
    """How far off `memory` may be on so many devices, of which each computes as much.

    At a context that was traced as it is asked, hardly. Between two contexts it is too much where compute grows by the
    square of the tokens: by no more than the line between them lies above those through their neighbours, and a quarter
    of that for several sequences; it is too much of activations of 32 bits, of which some are so wide anyhow. What
    several of an encoder have alive is not so many times that of one, nor does a second stack of layers lie on lines.
    """
    shape = summary.widths
    traced = summary.exact and summary.compiled
    if traced and _as_traced(summary.compiled, work):
        return Off(TRACED, TRACED)
    if any(cache.source == "cross" for cache in shape.caches) or (work.batch > 1 and not shape.decodes):
        return UNKNOWN
    if not traced:
        return Off(SCREENED, SCREENED) if shape.decodes else UNKNOWN
    held, count = memory(summary, work), devices.count
    compute = count * held.compute.value
    used = held.weights.value + held.cache.value + held.state.value + compute + count * held.overhead.value
    bent = max(SCREENED, 1.25 * compute / used * _bend(summary.compiled, work.context))
    return Off(bent + compute / used / 2, bent) if work.activation_bytes > WIDTH else Off(bent, bent)


def _as_traced(points: list[tuple[int, int]], work: Workload) -> bool:
    """Whether `memory` has the very number that was traced."""
    alike = work.batch == 1 and work.activation_bytes == WIDTH and not work.options
    return alike and dict(points).get(work.context) == between(points, work.context)


def _bend(points: list[tuple[int, int]], context: int) -> float:
    """The share of the value at `context` by which a curve through `points` may lie below the line between two."""
    right = next((number for number, (at, _) in enumerate(points) if at >= context), 0)
    outside = [pair for pair in ((right - 2, right - 1), (right, right + 1)) if pair[0] >= 0 and pair[1] < len(points)]
    lines = [points[one][1] + _slope(points[one], points[two]) * (context - points[one][0]) for one, two in outside]
    drawn = between(points, context)
    return 1 - max(0.0, *lines) / drawn if right and drawn and lines else 0.0


def _slope(one: tuple[int, int], two: tuple[int, int]) -> float:
    return (two[1] - one[1]) / (two[0] - one[0])


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
