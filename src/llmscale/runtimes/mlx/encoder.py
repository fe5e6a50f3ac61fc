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


#: Of an array that no operation has written yet.
UNWRITTEN = Buffer(0, 0)


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
        self.buffer = UNWRITTEN
        self.readers = 0


def stored(elements: int, itemsize: int = 2) -> Array:
    """An array that is there when the step begins: a weight or a cache."""
    array = Array((), elements, itemsize)
    array.buffer = Buffer(elements, itemsize)
    return array


def view(array: Array) -> Array:
    """The same memory."""
    return Array((array,), array.elements, array.itemsize, kernels=0)


def peak_bytes(outputs: Sequence[Array], at_first: int, forgotten: Iterable[Array] = ()) -> int:
    """The most bytes that are taken while `outputs` are made.

    Args:
        at_first: what is taken when it begins.
        forgotten: arrays that are there when it begins, and that nobody needs once they were read.
    """
    order = _order(outputs)
    for array in order:
        for source in array.inputs:
            source.readers += 1
    encoder = CommandEncoder(at_first, outputs, forgotten)
    for array in order:
        encoder.write(array)
    return encoder.most


class CommandEncoder:
    """Command buffers while operations are written into them.

    Attributes:
        now: bytes that are taken.
        most: the most that it has been.
    """

    def __init__(self, at_first: int, outputs: Iterable[Array], forgotten: Iterable[Array]) -> None:
        self.now = self.most = at_first
        self._kept = {id(array) for array in outputs}
        self._loose = {id(array) for array in forgotten}
        self._committed: deque[list[Buffer]] = deque()
        self._begin()

    def _begin(self) -> None:
        self._read: list[Buffer] = []
        self._touched: set[int] = set()
        self._operations = self._elements = 0

    def write(self, array: Array) -> None:
        """Give an operation its memory; commit the command buffer if that fills it."""
        made = self._memory(array)
        array.buffer = made
        if array.kernels:
            self._operations += array.kernels
            self._touch(made)
        for source in array.inputs:
            buffer = source.buffer
            if array.kernels:
                self._touch(buffer)
            if buffer is not made:
                buffer.holders += 1
                self._read.append(buffer)
            source.readers -= 1
            if not source.readers and id(source) not in self._kept and (source.inputs or id(source) in self._loose):
                self._let_go(buffer)
        if self._operations > OPERATIONS or self._elements >> 20 > ELEMENTS:
            self._commit()

    def _memory(self, array: Array) -> Buffer:
        """Where an operation writes: over its input, over one that nobody else has or will read, or anew."""
        found = array.inputs[0].buffer if not array.kernels else UNWRITTEN
        for number in array.over:
            source = array.inputs[number]
            free = source.readers == source.buffer.holders == 1 and source.inputs and id(source) not in self._kept
            if found is UNWRITTEN and free:
                found = source.buffer
        if found is not UNWRITTEN:
            found.holders += 1
            return found
        made = Buffer(array.elements, array.itemsize)
        self.now += made.size
        self.most = max(self.most, self.now)
        return made

    def _touch(self, buffer: Buffer) -> None:
        if id(buffer) not in self._touched:
            self._touched.add(id(buffer))
            self._elements += buffer.elements

    def _let_go(self, buffer: Buffer) -> None:
        buffer.holders -= 1
        if not buffer.holders:
            self.now -= buffer.size

    def _commit(self) -> None:
        """The processor waits for the first of eleven."""
        self._committed.append(self._read)
        self._begin()
        if len(self._committed) > COMMITTED:
            for buffer in self._committed.popleft():
                self._let_go(buffer)


def _order(outputs: Sequence[Array]) -> list[Array]:
    """The order in which operations are written."""
    root = Array(outputs, 0)
    uses = _uses(root)
    order, at = [root], 0
    later: list[tuple[Array, int]] = []
    while uses and (at < len(order) or later):
        if at < len(order):
            array, number = order[at], 0
            at += 1
        else:
            array, number = later.pop()
        for index in range(number, len(array.inputs)):
            source = array.inputs[index]
            if source.buffer is not UNWRITTEN:
                continue
            if len(order) - at >= WIDTH:
                later.append((array, index))
                break
            uses[id(source)] -= 1
            if not uses[id(source)]:
                del uses[id(source)]
                order.append(source)
    return order[:0:-1]


def _uses(root: Array) -> dict[int, int]:
    """How many times each operation's output is an input, of all that `root` is made of."""
    uses: dict[int, int] = {}
    stack = [root]
    while stack:
        for source in stack.pop().inputs:
            if source.buffer is UNWRITTEN:
                if id(source) not in uses:
                    stack.append(source)
                uses[id(source)] = uses.get(id(source), 0) + 1
    return uses
