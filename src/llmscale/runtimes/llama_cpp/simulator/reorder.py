"""The order in which Vulkan runs the operations of a split, which is not the graph's.

Operations that wait for nothing are drawn forward, so that several run at once. What lives longer by that takes memory:
the allocator sees the new order.

Source: ggml/src/ggml-vulkan/ggml-vulkan.cpp, `ggml_vk_graph_optimize`, which `ggml_backend_sched_split_graph` calls
before anything is allocated. Left out: its patterns of a router's operations, whose tensors are a few numbers a token.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator.graph import VIEWS, GraphTensor

#: How far ahead it looks (``NUM_TO_CHECK``), and for what is fused with an operation found.
AHEAD, FUSED_AHEAD, STORED_AHEAD = 20, 15, 10
#: Neighbours that one kernel computes, so that the second does not wait for the first.
FUSED = frozenset(
    {("rms_norm", "mul"), ("mul_mat", "add"), ("mul_mat_id", "add_id"), ("mul_mat_id", "mul"), ("add", "add")}
)
#: Two neighbours, and what may be fused with them as a third.
THIRD = {("mul_mat_id", "add_id"): "mul", ("mul_mat", "add"): "add"}


def reordered(nodes: list[GraphTensor]) -> list[GraphTensor]:
    """The nodes of one split in the order in which Vulkan runs them."""
    walk = _Walk(nodes)
    while walk.first < len(nodes):
        walk.take()
    return walk.order


class _Walk:
    """One pass over a split.

    Attributes:
        order: what was taken.
        first: the number of the first node that was not.
    """

    def __init__(self, nodes: list[GraphTensor]) -> None:
        self.order: list[GraphTensor] = []
        self.first = 0
        self._nodes = nodes
        self._used = [False] * len(nodes)
        self._taken: set[GraphTensor] = set()

    def take(self) -> None:
        """The next node, and all near it that need not wait."""
        chosen = [self.first]
        end = min(self.first + AHEAD, len(self._nodes))
        for at in range(self.first + 1, end):
            if not self._used[at] and self._nodes[at].op not in VIEWS and self._ready(at, chosen[-1]):
                chosen.append(at)
                self._with_fused(at, chosen)
        if self._nodes[chosen[-1]].op != "add":
            for at in range(self.first + 1, end):
                if not self._used[at] and self._nodes[at].op in VIEWS and self._visible(at, chosen):
                    chosen.append(at)
        for at in chosen:
            self._used[at] = True
            self._taken.add(self._nodes[at])
            self.order.append(self._nodes[at])
        while self.first < len(self._nodes) and self._used[self.first]:
            self.first += 1

    def _ready(self, at: int, last: int) -> bool:
        """Whether a node needs nothing that has still to run but what it is fused with."""
        node = self._nodes[at]
        for before in range(self.first, at):
            other = self._nodes[before]
            if self._used[before] or not _needs(node, other):
                continue
            if before != at - 1 or before != last or (other.op, node.op) not in FUSED:
                return False
        return True

    def _visible(self, at: int, chosen: list[int]) -> bool:
        node = self._nodes[at]
        return not any(
            not self._used[before] and before not in chosen and _needs(node, self._nodes[before])
            for before in range(self.first, at)
        )

    def _with_fused(self, at: int, chosen: list[int]) -> None:
        """What one kernel computes together with a node that was just chosen."""
        pair = self._nodes[at - 1].op, self._nodes[at].op
        rope = at
        if pair == ("rms_norm", "mul"):
            for later in self._within(at, FUSED_AHEAD):
                node = self._nodes[later]
                given = all(one.op == "none" for one in node.src[1:])
                if node.op == "rope" and node.src[0] is self._nodes[at] and given:
                    self._choose(later, chosen)
                    rope = later
                    break
        if self._nodes[rope].op == "rope":
            self._stored(rope, chosen)
        if pair in THIRD:
            for later in self._within(at, FUSED_AHEAD):
                node = self._nodes[later]
                if node.op == THIRD[pair] and node.src[0] is self._nodes[at] and self._there(node.src[1]):
                    self._choose(later, chosen)
                    break

    def _stored(self, rope: int, chosen: list[int]) -> None:
        """Rotated keys that are written into the cache at once."""
        seen = -1
        for later in self._within(rope, STORED_AHEAD):
            node = self._nodes[later]
            if seen == -1 and node.op == "view" and node.src[0] is self._nodes[rope]:
                seen = later
            elif seen != -1 and node.op == "set_rows" and node.src[0] is self._nodes[seen]:
                self._choose(seen, chosen)
                self._choose(later, chosen)
                return

    def _within(self, at: int, ahead: int) -> range:
        return range(at + 1, min(at + ahead, len(self._nodes)))

    def _there(self, tensor: GraphTensor) -> bool:
        return tensor.op == "none" or tensor in self._taken

    def _choose(self, at: int, chosen: list[int]) -> None:
        chosen.append(at)
        self._used[at] = True


def _needs(node: GraphTensor, other: GraphTensor) -> bool:
    """Whether a node reads another, or looks at the same memory."""
    return other in node.src or (node.base or node) is (other.base or other)
