"""ggml's graph allocator: which bytes of a buffer each tensor of a graph gets, and how large the buffer must be.

Tensors are placed in the order of the graph. A tensor is freed after its last use, may be written over one of its
sources when the operation allows it, and else takes the smallest hole that holds it, or the end of the buffer.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml-alloc.c (`ggml_gallocr_alloc_graph_impl`, `ggml_dyn_tallocr_*`).
Left out: buffers that a backend splits into chunks, and the reuse of a view's memory, which that version never does
(a view is never marked as allocated).
"""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.runtimes.llama_cpp.simulator.graph import INPLACE, GraphTensor

END = 1 << 62


class Arena:
    """The buffer of one device: its holes, and the furthest byte ever used."""

    __slots__ = ("align", "holes", "size")

    def __init__(self, align: int) -> None:
        self.align = align - 1
        self.holes: list[list[int]] = [[0, END]]
        self.size = 0

    def take(self, count: int) -> int:
        """The offset of a new block: the smallest hole that holds it, the last of equals, else the open end."""
        count = (count + self.align) & ~self.align
        holes = self.holes
        best = -1
        least = END
        for index in range(len(holes) - 1):
            size = holes[index][1]
            if count <= size <= least:
                best, least = index, size
        hole = holes[best]
        offset = hole[0]
        hole[0] = offset + count
        hole[1] -= count
        if not hole[1]:
            del holes[best]
        if offset + count > self.size:
            self.size = offset + count
        return offset

    def free(self, offset: int, count: int) -> None:
        """Give a block back and join it with the holes beside it."""
        count = (count + self.align) & ~self.align
        end = offset + count
        holes = self.holes
        for index, hole in enumerate(holes):
            if hole[0] + hole[1] == offset:
                hole[1] += count
                if index + 1 < len(holes) and holes[index + 1][0] == end:
                    hole[1] += holes[index + 1][1]
                    del holes[index + 1]
                return
            if hole[0] == end:
                hole[0] = offset
                hole[1] += count
                return
            if hole[0] > offset:
                holes.insert(index, [offset, count])
                return
        holes.append([offset, count])


def allocate(nodes: list[GraphTensor], leafs: Iterable[GraphTensor], devices: int, align: tuple[int, ...]) -> list[int]:
    """Bytes of each device's buffer for a graph whose tensors know their device (`GraphTensor.backend`)."""
    arenas = [Arena(align[device]) for device in range(devices)]
    for leaf in leafs:
        _allocate_node(leaf, arenas)
    for node in nodes:
        if node.base is not None and node.op != "none":
            node.base.views += 1
        for source in node.src:
            source.children += 1
    for node in nodes:
        for source in node.src:
            if not source.owned:
                _allocate_node(source, arenas)
        _allocate_node(node, arenas)
        for source in node.src:
            source.children -= 1
            if not (source.children or source.views):
                _free_node(source, arenas)
    return [arena.size for arena in arenas]


def _allocate_node(tensor: GraphTensor, arenas: list[Arena]) -> None:
    """Give a tensor its bytes, unless it has some or looks at another one's."""
    if tensor.owned or tensor.stored_on is not None or tensor.base is not None:
        return
    tensor.owned = True
    source = _written_over(tensor) if tensor.op in INPLACE else None
    if source is None:
        tensor.offset = arenas[tensor.backend].take(tensor.bytes + tensor.extra)
    else:
        source.owned = False
        tensor.offset, tensor.backend = source.offset, source.backend


def _written_over(tensor: GraphTensor) -> GraphTensor | None:
    """The first source that nothing else reads and that has the same layout."""
    for source in tensor.src:
        if (
            source.owned
            and not source.output
            and source.children == 1
            and not source.views
            and source.ne == tensor.ne
            and source.kind == tensor.kind
        ):
            return source
    return None


def _free_node(tensor: GraphTensor, arenas: list[Arena]) -> None:
    """Free a tensor that nothing reads any more, or what it looks at when nothing else does."""
    base = tensor.base
    if base is not None:
        base.views -= 1
        if base.views or base.children:
            return
        tensor = base
    if tensor.owned and not tensor.output:
        arenas[tensor.backend].free(tensor.offset, tensor.bytes + tensor.extra)
        tensor.owned = False
