"""Memory while a recorded part of a model runs forward, and backward.

A tensor goes with the last operation that reads it, unless one keeps it; what is kept goes when the way back has
passed the last that kept it. Operations are undone in the reverse of their order, as autograd's engine does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llmscale.records import NamedTuple
from llmscale.training.activations.graph import Graph, Operation, Value


class Forward(NamedTuple):
    """What running forward takes, its input counted.

    Attributes:
        peak: the most at once.
        kept: for the way back, without the output.
        copies: of weights, that autocast holds until the whole forward pass has ended, besides.
        host: kept in the host's memory instead.
    """

    peak: int
    kept: int
    copies: int = 0
    host: int = 0


class Backward(NamedTuple):
    """What running backward takes, what was kept counted: the most at once, and gradients of weights that stay."""

    peak: int
    weights: int


class Segment(NamedTuple):
    """A recorded part, and how often it follows itself."""

    forward: Forward
    backward: Backward
    times: int = 1


def recorded(graph: Graph, given: Value, result: Value) -> Segment:
    """A part that is run forward and backward once."""
    return Segment(forward(graph, given, result), backward(graph, given, result))


NONE: frozenset[int] = frozenset()


def results(graph: Graph) -> frozenset[int]:
    """Storages that selective checkpoints keep: results of kernels and products, of those without a bias every second.

    Source: torchtitan 0.3.0 ``distributed/activation_checkpoint.py`` (``SelectiveAC``).
    """
    kept: set[int] = set()
    matrices = 0
    for operation in graph.operations:
        matrices += operation.matrix
        if not operation.matrix or matrices % 2:
            kept.update(operation.costly)
    return frozenset(kept)


def forward(graph: Graph, given: Value, result: Value, keeping: bool = True, still: frozenset[int] = NONE) -> Forward:
    """Run a part forward; without `keeping`, as under a checkpoint, which holds what came in and what is `still`."""
    stays = {result.storage, *still} if keeping else {given.storage, result.storage, *still}
    alive, peak = _run(graph, len(graph.operations), given, keeping, stays)
    kept = set(_pins(graph.operations)) if keeping else set()
    return Forward(peak, sum(graph.sizes[s] for s in alive if s in kept))


def _run(
    graph: Graph, end: int, given: Value, keeping: bool, stays: set[int], still: frozenset[int] = NONE
) -> tuple[set[int], int]:
    last: dict[int, int] = {}
    for number, operation in enumerate(graph.operations):
        for tensor in (*operation.takes, *operation.gives):
            last[tensor.storage] = number
    pins = set(_pins(graph.operations)) if keeping else set()
    alive = {given.storage, *still}
    live = peak = sum(graph.sizes[storage] for storage in alive)
    for number, operation in enumerate(graph.operations[:end]):
        made = {tensor.storage for tensor in operation.gives} | (set(operation.keeps) if keeping else set())
        live += sum(graph.sizes[storage] for storage in made - alive)
        alive |= made
        peak = max(peak, live + operation.spare)
        read = {tensor.storage for tensor in (*operation.takes, *operation.gives)}
        gone = {s for s in read & alive if last[s] == number and s not in pins and s not in stays}
        live -= sum(graph.sizes[storage] for storage in gone)
        alive -= gone
    return alive, peak


def holds(graph: Graph, value: Value) -> bool:
    """Whether an operation keeps `value` for the way back."""
    return value.storage in _pins(graph.operations)


def _pins(operations: Iterable[Operation]) -> Counter[int]:
    return Counter(storage for operation in operations for storage in operation.keeps)


class _Memory:
    """Bytes by storage, each with how many hold it."""

    def __init__(self, live: int) -> None:
        self.live = self.peak = live
        self.weights = 0
        self._sizes: list[int] = []
        self._holders: list[int] = []

    def new(self, size: int) -> int:
        self._sizes.append(size)
        self._holders.append(1)
        self.grow(size)
        return len(self._sizes) - 1

    def grow(self, size: int) -> None:
        self.live += size
        self.peak = max(self.peak, self.live)

    def hold(self, storage: int) -> int:
        self._holders[storage] += 1
        return storage

    def drop(self, storage: int) -> None:
        self._holders[storage] -= 1
        if not self._holders[storage]:
            self.live -= self._sizes[storage]


def backward(graph: Graph, given: Value, result: Value, again: bool = False, still: frozenset[int] = NONE) -> Backward:
    """Run a part backward; with `again`, under a checkpoint: what it keeps is made first, unless `still` there.

    Recomputing stops with the last tensor that is kept (``torch/utils/checkpoint.py``, early stop).
    """
    pins = _pins(graph.operations)
    kept = set(pins)
    start = {given.storage, *still} if again else kept
    memory = _Memory(sum(graph.sizes[storage] for storage in start))
    gradients: dict[int, int] = {result.number: memory.new(result.size)}
    there = not again
    for number in range(len(graph.operations) - 1, -1, -1):
        operation = graph.operations[number]
        if operation.keeps and not there:
            there = True
            _again(graph, number, given, memory, kept, still)
        _undo(graph, operation, memory, gradients, pins, given.storage if again else -1)
    return Backward(memory.peak, memory.weights)


def _again(graph: Graph, number: int, given: Value, memory: _Memory, kept: set[int], still: frozenset[int]) -> None:
    _, peak = _run(graph, number, given, True, kept, still)
    there = {given.storage, *still}
    memory.peak = max(memory.peak, memory.live + peak - sum(graph.sizes[storage] for storage in there))
    memory.grow(sum(graph.sizes[storage] for storage in kept - there))
    reached = {storage for operation in graph.operations[:number] for storage in operation.costly}
    memory.live -= sum(graph.sizes[storage] for storage in (still & reached) - kept)


def _undo(
    graph: Graph,
    operation: Operation,
    memory: _Memory,
    gradients: dict[int, int],
    pins: Counter[int],
    held: int,
) -> None:
    given = [gradients.pop(tensor.number) for tensor in operation.gives if tensor.number in gradients]
    if not operation.grad or not given:
        return
    arrived: list[tuple[Value, int]] = []
    spare = 0
    for step in operation.undo:
        if step.kind == "weight":
            memory.grow(step.size)
            memory.weights += step.size
        elif step.kind == "work":
            memory.grow(step.size)
            spare += step.size
        elif operation.takes[step.which].grad:
            taken = operation.takes[step.which]
            arrived.append((taken, memory.hold(given[0]) if step.kind == "alias" else memory.new(taken.size)))
    memory.live -= spare
    for storage in given:
        memory.drop(storage)
    for storage in operation.keeps:
        pins[storage] -= 1
        if not pins[storage] and storage != held:
            memory.live -= graph.sizes[storage]
    for tensor, storage in arrived:
        _add(tensor, storage, memory, gradients)


def _add(tensor: Value, storage: int, memory: _Memory, gradients: dict[int, int]) -> None:
    before = gradients.get(tensor.number)
    if before is None:
        gradients[tensor.number] = storage
        return
    gradients[tensor.number] = memory.new(tensor.size)
    memory.drop(before)
    memory.drop(storage)
