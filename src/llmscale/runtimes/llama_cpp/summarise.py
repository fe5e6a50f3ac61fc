"""Compiling what llama.cpp makes of a model, for `summary`."""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import format_of
from llmscale.formats.gguf import convert
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.memory import FURTHEST, straight_points
from llmscale.runtimes.llama_cpp.simulate import activations, facts
from llmscale.runtimes.llama_cpp.simulator.cells import output_bytes
from llmscale.runtimes.llama_cpp.summary import CELLS, PLAIN, Compiled
from llmscale.runtimes.subject import Exact


def summarise(subject: Exact) -> Compiled | None:
    """What is kept of it; None for a model that llama.cpp cannot load."""
    try:
        convert(subject.spec, subject.inventory)
    except UnsupportedModelError:
        return None
    model = facts(subject.spec)
    counts: dict[tuple[int, int, bool], int] = {}
    for layer in model.layers:
        keys, values = layer.cached()
        if keys or values:
            kind = (keys, values, layer.windowed and model.window > 0)
            counts[kind] = counts.get(kind, 0) + 1
    settings = settings_of(Workload(CELLS, 1, format_of(PLAIN), 2))
    last = min(FURTHEST, max(1, -(-(subject.spec.max_context or FURTHEST * CELLS) // CELLS)))
    return Compiled(
        cells=[(number, keys, values, windowed) for (keys, values, windowed), number in counts.items()],
        window=model.window,
        state=4 * sum(sum(layer.state()) for layer in model.layers),
        activations=activations(model),
        output=output_bytes(model, settings),
        compute=straight_points(model, settings, last),
    )
