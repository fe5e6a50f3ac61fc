"""A graph of tensors as ggml builds one, reduced to what decides its memory.

A tensor here is an operation, a shape, strides when it is a view, and its sources. Nothing is computed. The order
of the nodes is ggml's: depth first, sources from left to right, each time the builder says `Graph.expand`.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml.c (`ggml_visit_parents_graph` and the constructors of the
operations) and ggml/src/ggml-alloc.c (`ggml_op_can_inplace`).
"""

from __future__ import annotations

from typing import Final

from llmscale.runtimes.llama_cpp.simulator.ggml_types import block, row_bytes

Shape = tuple[int, int, int, int]

#: Operations that may write over a source of the same layout.
INPLACE: Final = frozenset(
    {"scale", "add", "add_id", "mul", "div", "sub", "sqr", "unary", "rope", "rms_norm", "clamp", "soft_max", "fill"}
)
#: Operations that only look at a source in another way.
VIEWS: Final = frozenset({"view", "reshape", "permute"})


class GraphTensor:
    """One tensor of the graph.

    Attributes:
        op: what makes it; ``none`` for weights, caches and inputs.
        ne: elements along each axis, the fastest first.
        nb: bytes between neighbours along each axis; None for a tensor without gaps.
        src: what it is made from.
        base: the tensor whose memory a view looks at.
        stored_on: the number of the device that already holds it (weights and caches); None when the graph must.
        weight: whether it is a weight, near which operations run.
        input, output: written before the graph runs, read after it: neither is overwritten while it runs.
        pin: the device that it is forced to run on.
        extra: bytes that a device takes behind it.
        backend, children, views, owned, offset: working space of the scheduler and of the allocator.
    """

    __slots__ = (
        "backend",
        "base",
        "children",
        "extra",
        "input",
        "kind",
        "nb",
        "ne",
        "offset",
        "op",
        "output",
        "owned",
        "pin",
        "seen",
        "src",
        "stored_on",
        "views",
        "weight",
    )

    def __init__(self, op: str, kind: str, ne: Shape, src: tuple[GraphTensor, ...] = ()) -> None:
        self.op = op
        self.kind = kind
        self.ne = ne
        self.src = src
        self.nb: Shape | None = None
        self.base: GraphTensor | None = None
        self.stored_on: int | None = None
        self.weight = False
        self.input = False
        self.output = False
        self.seen = False
        self.pin: int | None = None
        self.backend = -1
        self.children = 0
        self.views = 0
        self.owned = False
        self.offset = 0
        self.extra = 0

    @property
    def strides(self) -> Shape:
        """Bytes between neighbours along each axis."""
        if self.nb is not None:
            return self.nb
        a, b, c, _ = self.ne
        count, size = block(self.kind)
        row = a // count * size
        return (size, row, row * b, row * b * c)

    @property
    def steps(self) -> tuple[int, int, int]:
        """Bytes between its rows, planes and so on: the strides past the fastest axis."""
        _, *steps = self.strides
        return (steps[0], steps[1], steps[2])

    @property
    def bytes(self) -> int:
        """Bytes from its first element to its last (`ggml_nbytes`)."""
        a, b, c, d = self.ne
        if self.nb is None:
            return row_bytes(self.kind, a) * b * c * d
        if not (a and b and c and d):
            return 0
        count, size = block(self.kind)
        nb = self.nb
        first = a * nb[0] // count if count > 1 else size + (a - 1) * nb[0]
        return first + (b - 1) * nb[1] + (c - 1) * nb[2] + (d - 1) * nb[3]

    @property
    def contiguous(self) -> bool:
        """Whether it has no gaps; axes of one element do not count (`ggml_is_contiguous`)."""
        if self.nb is None:
            return True
        count, size = block(self.kind)
        if self.ne[0] != count and self.nb[0] != size:
            return False
        expected = self.ne[0] // count * size
        for axis in (1, 2, 3):
            if self.ne[axis] != 1:
                if self.nb[axis] != expected:
                    return False
                expected *= self.ne[axis]
        return True


class Graph:
    """Nodes in the order they run, and the tensors that nothing makes."""

    def __init__(self) -> None:
        self.nodes: list[GraphTensor] = []
        self.leafs: list[GraphTensor] = []

    def expand(self, tensor: GraphTensor) -> None:
        """Add a tensor and all it is made from that the graph does not have yet."""
        if tensor.seen:
            return
        tensor.seen = True
        for source in tensor.src:
            if not source.seen:
                self.expand(source)
        (self.leafs if tensor.op == "none" else self.nodes).append(tensor)
