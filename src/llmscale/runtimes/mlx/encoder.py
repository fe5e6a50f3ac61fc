"""How much of a step MLX has under way at once on Metal, and what that holds.

Read in mlx 0.32.2: ``mlx/transforms.cpp`` (``eval_impl``), ``mlx/backend/metal/device.cpp`` (``CommandEncoder``),
``mlx/backend/metal/eval.cpp``, ``mlx/backend/common/`` (which operations write over an input).

- The processor runs ahead of the GPU. It gives each operation its memory as it writes it into a command buffer, and
  nothing that a command buffer reads is freed before the GPU has run it.
- A command buffer is committed after more than 50 operations, or when the arrays that it touches, read or written and
  each once, have more than 50 Mi elements (40 and 40 on chips that are neither Max nor Ultra). Eleven of them hold
  their arrays at a time: with ten committed the processor waits.
- An operation writes over an input that nobody else has or will read.
- Operations run in the order of a breadth-first walk back from what is asked for, at most 20 wide.

The GPU is taken to be slower than the processor, which it is while a prompt is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

#: ``max_ops_per_buffer_`` and ``max_mb_per_buffer_``, which counts elements, of a Max or an Ultra.
OPERATIONS, ELEMENTS = 50, 50
#: ``MAX_ACTIVE_TASKS``.
COMMITTED = 10
#: ``bfs_max_width``.
WIDTH = 20


class Buffer:
    """Memory, and how many arrays and command buffers hold it."""

    __slots__ = ("elements", "holders", "size")

    def __init__(self, elements: int, itemsize: int) -> None:
        self.elements, self.size, self.holders = elements, elements * itemsize, 1


class Array:
    """What an operation makes of its inputs.

    Attributes:
        over: the inputs, by number, that it may write over.
        kernels: what it counts as in a command buffer; 0 for a view of its first input.
    """

    __slots__ = ("buffer", "elements", "inputs", "itemsize", "kernels", "over", "readers")

    def __init__(
        self, inputs: Sequence[Array], elements: int, itemsize: int = 2, over: Sequence[int] = (), kernels: int = 1
    ) -> None:
        self.inputs, self.elements, self.itemsize = tuple(inputs), elements, itemsize
        self.over, self.kernels = over, kernels
        self.buffer: Buffer | None = None
        self.readers = 0


def stored(elements: int, itemsize: int = 2) -> Array:
    """An array that is there when the step begins: a weight or a cache."""
    array = Array((), elements, itemsize)
    array.buffer = Buffer(elements, itemsize)
    return array


def view(array: Array) -> Array:
    """The same memory."""
    return Array((array,), array.elements, array.itemsize, kernels=0)


def held(outputs: Sequence[Array], at_first: int, forgotten: Iterable[Array] = ()) -> int:
    """The most bytes that are held while `outputs` are made.

    Args:
        at_first: what is held when it begins.
        forgotten: arrays that are there when it begins, and that nobody needs once they were read.
    """
    order = _order(outputs)
    for array in order:
        for source in array.inputs:
            source.readers += 1
    kept = {id(array) for array in outputs}
    loose = {id(array) for array in forgotten}
    now = most = at_first
    operations = elements = 0
    touched: set[int] = set()
    current: list[Buffer] = []
    committed: deque[list[Buffer]] = deque()
    for array in order:
        made = _memory(array, kept)
        if made.holders == 1:
            now += made.size
            most = max(most, now)
        if array.kernels:
            operations += array.kernels
            for buffer in (*(_known(source) for source in array.inputs), made):
                if id(buffer) not in touched:
                    touched.add(id(buffer))
                    elements += buffer.elements
        for source in array.inputs:
            buffer = _known(source)
            if buffer is not made:
                buffer.holders += 1
                current.append(buffer)
            source.readers -= 1
            if not source.readers and id(source) not in kept and (source.inputs or id(source) in loose):
                now -= _let_go(buffer)
        if operations > OPERATIONS or elements >> 20 > ELEMENTS:
            committed.append(current)
            current, operations, elements = [], 0, 0
            touched.clear()
            if len(committed) > COMMITTED:
                now -= sum(map(_let_go, committed.popleft()))
    return most


def _known(array: Array) -> Buffer:
    assert array.buffer is not None
    return array.buffer


def _let_go(buffer: Buffer) -> int:
    buffer.holders -= 1
    return 0 if buffer.holders else buffer.size


def _memory(array: Array, kept: set[int]) -> Buffer:
    """Where an operation writes; a new buffer has one holder, one that others have too has more."""
    found = _known(array.inputs[0]) if not array.kernels else None
    for number in array.over:
        source = array.inputs[number]
        buffer = _known(source)
        if found is None and source.readers == buffer.holders == 1 and source.inputs and id(source) not in kept:
            found = buffer
    if found is None:
        found = Buffer(array.elements, array.itemsize)
    else:
        found.holders += 1
    array.buffer = found
    return found


def _order(outputs: Sequence[Array]) -> list[Array]:
    """The order in which operations are written."""
    root = Array(outputs, 0)
    uses: dict[int, int] = {}
    seen, stack = {id(root)}, [root]
    while stack:
        for source in stack.pop().inputs:
            if source.buffer is None:
                uses[id(source)] = uses.get(id(source), 0) + 1
                if id(source) not in seen:
                    seen.add(id(source))
                    stack.append(source)
    tape, at, later = [root], 0, [(root, 0)]
    later.clear()
    while uses and (at < len(tape) or later):
        if at < len(tape):
            array, number = tape[at], 0
            at += 1
        else:
            array, number = later.pop()
        for index in range(number, len(array.inputs)):
            source = array.inputs[index]
            if source.buffer is not None:
                continue
            if len(tape) - at >= WIDTH:
                later.append((array, index))
                break
            uses[id(source)] -= 1
            if not uses[id(source)]:
                del uses[id(source)]
                tape.append(source)
    return tape[:0:-1]
