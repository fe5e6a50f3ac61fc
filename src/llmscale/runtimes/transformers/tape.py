"""What is allocated at each moment of a forward pass, written down as the pass is traced.

PyTorch's CUDA allocator gives memory in multiples of 512 bytes (``kMinBlockSize`` in
``c10/cuda/CUDACachingAllocator.h``), and a tensor goes with the last Python variable that names it. Both are written
on a `Tape` in the order of the code that it follows; what was alive when most was is kept for ``--explain``.
"""

from __future__ import annotations

from llmscale.records import NamedTuple

#: Bytes that the allocator rounds every tensor up to.
BLOCK = 512


def rounded(size: int) -> int:
    """Bytes that the allocator takes for a tensor."""
    return -(-size // BLOCK) * BLOCK


class Buffer(NamedTuple):
    """One tensor, or several that are alive together: `elements` of `width` bytes each."""

    name: str
    elements: int
    width: int
    size: int
    number: int


class Tape:
    """Tensors as they come and go.

    Attributes:
        live: bytes now.
        peak: the most that it has been.
        moment: what was alive then, largest first.
    """

    def __init__(self) -> None:
        self.live = 0
        self.peak = 0
        self._alive: dict[int, Buffer] = {}
        self._at_peak: tuple[Buffer, ...] = ()
        self._count = 0

    def new(self, name: str, elements: int, width: int) -> Buffer:
        """A tensor is made."""
        self._count += 1
        made = Buffer(name, elements, width, rounded(elements * width), self._count)
        self._alive[self._count] = made
        self.live += made.size
        if self.live > self.peak:
            self.peak = self.live
            self._at_peak = tuple(self._alive.values())
        return made

    def hold(self, name: str, size: int) -> Buffer:
        """Tensors are there whose bytes are counted elsewhere."""
        return self.new(name, size, 1)

    def free(self, *buffers: Buffer) -> None:
        """The last variables that name these go."""
        for buffer in buffers:
            if self._alive.pop(buffer.number, None):
                self.live -= buffer.size

    def drop(self, name: str) -> None:
        """The variable that names all tensors called `name` is given to something else."""
        self.free(*[buffer for buffer in self._alive.values() if buffer.name == name])

    def mark(self) -> int:
        """Where a function begins."""
        return self._count

    def leave(self, mark: int, *returned: Buffer) -> None:
        """The function that began at `mark` ends: what it made goes, but for what it returns."""
        kept = {buffer.number for buffer in returned}
        self.free(*[buffer for number, buffer in self._alive.items() if number > mark and number not in kept])

    @property
    def moment(self) -> list[Buffer]:
        return sorted(self._at_peak, key=lambda buffer: -buffer.size)
