"""One way to train a model, and what a step of it holds: weights, gradients, states, and the peaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from llmscale.answers.results.train import TrainMemory, TrainPeaks
from llmscale.answers.train_memory import Held, MemoryAsked, step_memory
from llmscale.answers.train_offload import DEEPSPEED, check_offload
from llmscale.model.blocks.embedding import Head
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.training.methods import OWN, MethodChoice, Trained, trained
from llmscale.training.objectives import OBJECTIVES
from llmscale.training.offload import OPTIMIZER, partitioned, wrapped
from llmscale.training.optimizers import Tensors, state_bytes
from llmscale.training.packed import packed
from llmscale.training.precision import ADAPTER, PRECISIONS


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
        UnsupportedModelError: adapters or packed matrices of a class that is not known well enough; what is offloaded
            otherwise than is modelled.
    """
    check_offload(way.choice.method, way.precision, way.optimizer, way.memory)
    chosen = trained(spec, way.choice)
    held = _memory(spec, chosen, way)
    frozen = reference(way, chosen.base) + reward(spec, way)
    held.memory.weights_bytes += frozen
    held.memory.states_bytes += frozen
    for name, size in value(spec, way)._asdict().items():
        setattr(held.memory, name, getattr(held.memory, name) + size)
    states = held.memory.host_bytes
    peaks, notes = step_memory(spec, way.choice, held, way.precision, way.optimizer, way.memory)
    return Taken(held.memory, peaks, chosen, (*_offloaded(way, states), *notes))


def _offloaded(way: Way, host: int) -> Iterator[Note]:
    """What the optimizer has in the host's memory."""
    if host:
        yield note("offloaded_optimizer", size=host, partitioned=way.precision == DEEPSPEED)


def refers(way: Way) -> bool:
    """Whether preferences are held against a frozen model while training."""
    kind, memory = OBJECTIVES[way.memory.objective].reference, way.memory
    return memory.reference and (kind == "yes" or (kind == "asked" and memory.divergence))


def reference(way: Way, parameters: int) -> int:
    """Bytes of that model; adapters switched off are one for nothing."""
    apart = refers(way) and way.choice.method in OWN
    return parameters * PRECISIONS[way.precision].weight if apart else 0


class Second(NamedTuple):
    """What a model that is trained besides takes."""

    weights_bytes: int = 0
    gradients_bytes: int = 0
    optimizer_bytes: int = 0
    states_bytes: int = 0


def reward(spec: ModelSpec, way: Way) -> int:
    """Bytes of frozen models with a score in the stead of a head."""
    frozen, _ = OBJECTIVES[way.memory.objective].scored
    return frozen * _elements(_scored(spec)) * PRECISIONS[way.precision].weight if frozen else 0


def value(spec: ModelSpec, way: Way) -> Second:
    """Those that are trained whole, whatever the method of the first is."""
    _, whole = OBJECTIVES[way.memory.objective].scored
    if not whole:
        return Second()
    tensors, recipe = _scored(spec), PRECISIONS[way.precision]
    elements = whole * _elements(tensors)
    states = whole * state_bytes(way.optimizer, [Tensors(*each, recipe.state) for each in tensors])
    weights, gradients = elements * (recipe.weight + recipe.master), elements * recipe.gradient
    return Second(weights, gradients, states, weights + gradients + states)


def _scored(spec: ModelSpec) -> list[tuple[tuple[int, ...], int]]:
    """Tensors of the model with one output of its last hidden state in the stead of a head of its own."""
    heads = [placed.block for placed in spec.placed if isinstance(placed.block, Head) and not placed.block.tied_to]
    shapes: Counter[tuple[int, ...]] = Counter()
    for shape, copies in trained(spec, MethodChoice("full")).own:
        shapes[shape] += copies
    shapes.subtract((head.vocab, head.hidden) for head in heads)
    shapes[1, spec.hidden_size] += 1
    return [(shape, copies) for shape, copies in shapes.items() if copies > 0]


def _memory(spec: ModelSpec, chosen: Trained, way: Way) -> Held:
    recipe, asked = PRECISIONS[way.precision], way.memory
    adapter = ADAPTER if asked.adapter == "fp32" else recipe
    saved, added = _elements(chosen.saved), _elements(chosen.added)
    own = _elements(chosen.own) + saved
    weights = (chosen.base + saved) * recipe.weight + (added + chosen.fixed) * adapter.weight
    if asked.packed:
        elements, size = packed(spec)
        left = ADAPTER.weight if asked.kbit == "peft" else recipe.weight
        weights = size + (chosen.base + saved - elements) * left + (added + chosen.fixed) * adapter.weight
    gradients = own * recipe.gradient + added * adapter.gradient
    tensors = [Tensors(shape, copies, recipe.state) for shape, copies in (*chosen.own, *chosen.saved)]
    tensors += [Tensors(shape, copies, adapter.state) for shape, copies in chosen.added]
    if OPTIMIZER in asked.offload:
        return _moved(way, tensors, weights, gradients)
    weights += 0 if asked.packed else own * recipe.master
    states = state_bytes(way.optimizer, tensors)
    return Held(TrainMemory(weights, gradients, states, weights + gradients + states), tensors)


def _moved(way: Way, tensors: list[Tensors], weights: int, gradients: int) -> Held:
    """States are the host's; with a master copy, which goes with them, DeepSpeed moves gradients too."""
    recipe = PRECISIONS[way.precision]
    here = partitioned(recipe, tensors) if recipe.master else wrapped(way.optimizer, tensors, gradients)
    modelled = ("gradients_bytes", "states_bytes") if recipe.master else ()
    together = weights + here.gradients + here.states
    memory = TrainMemory(weights, here.gradients, here.states, together, host_bytes=here.host, modelled=modelled)
    return Held(memory, here.stepped)


def _elements(tensors: Sequence[tuple[tuple[int, ...], int]]) -> int:
    return sum(Tensors(shape, copies, 1).elements * copies for shape, copies in tensors)
