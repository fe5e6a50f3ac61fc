"""One way to train a model, and what a step of it holds: weights, gradients, states, and the peaks."""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.answers.results.train import TrainMemory, TrainPeaks
from llmscale.answers.train_memory import Held, MemoryAsked, step_memory
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note
from llmscale.records import NamedTuple
from llmscale.training.methods import OWN, MethodChoice, Trained, trained
from llmscale.training.optimizers import Tensors, state_bytes
from llmscale.training.packed import packed
from llmscale.training.precision import ADAPTER, RECIPES, Recipe


class Way(NamedTuple):
    """What the options say together; QLoRA is LoRA whose `memory` is packed."""

    choice: MethodChoice
    precision: str
    optimizer: str
    memory: MemoryAsked


class Taken(NamedTuple):
    """What a step takes, the parameters it trains, and why peaks are missing where they are."""

    memory: TrainMemory
    peaks: TrainPeaks | None
    chosen: Trained
    notes: tuple[Note, ...]


def taken(spec: ModelSpec, way: Way) -> Taken:
    """What one step of a way takes.

    Raises:
        UsageError: what peft refuses for this model.
        UnsupportedModelError: adapters or packed matrices of a class that is not known well enough.
    """
    chosen = trained(spec, way.choice)
    held = _memory(spec, chosen, RECIPES[way.precision], way.optimizer, way.memory)
    held.memory.weights_bytes += reference(way, chosen.base)
    held.memory.states_bytes += reference(way, chosen.base)
    peaks, notes = step_memory(spec, way.choice, held, way.precision, way.optimizer, way.memory)
    return Taken(held.memory, peaks, chosen, notes)


def reference(way: Way, parameters: int) -> int:
    """Bytes of the frozen copy that preferences are held against; adapters switched off are one for nothing."""
    apart = way.memory.preference and way.memory.reference and way.choice.method in OWN
    return parameters * RECIPES[way.precision].weight if apart else 0


def _memory(spec: ModelSpec, chosen: Trained, recipe: Recipe, optimizer: str, asked: MemoryAsked) -> Held:
    adapter = ADAPTER if asked.adapter == "fp32" else recipe
    saved, added = _elements(chosen.saved), _elements(chosen.added)
    own = _elements(chosen.own) + saved
    weights = (chosen.base + saved) * recipe.weight + own * recipe.master + (added + chosen.fixed) * adapter.weight
    if asked.packed:
        elements, size = packed(spec)
        left = ADAPTER.weight if asked.kbit == "peft" else recipe.weight
        weights = size + (chosen.base + saved - elements) * left + (added + chosen.fixed) * adapter.weight
    gradients = own * recipe.gradient + added * adapter.gradient
    tensors = [Tensors(shape, copies, recipe.state) for shape, copies in (*chosen.own, *chosen.saved)]
    tensors += [Tensors(shape, copies, adapter.state) for shape, copies in chosen.added]
    states = state_bytes(optimizer, tensors)
    return Held(TrainMemory(weights, gradients, states, weights + gradients + states), tensors)


def _elements(tensors: Sequence[tuple[tuple[int, ...], int]]) -> int:
    return sum(Tensors(shape, copies, 1).elements * copies for shape, copies in tensors)
