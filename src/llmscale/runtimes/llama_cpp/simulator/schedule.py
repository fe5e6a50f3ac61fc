"""ggml's scheduler: which device runs each operation, and which tensors are copied from one to another.

Devices are numbered by priority; the last one is the host. Weights and caches sit where they were put, inputs on the
host, and an operation runs where its weight is, or where its neighbours run. Wherever the device changes a new
*split* begins, and what it needs from elsewhere is copied to it first.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml-backend.cpp (`ggml_backend_sched_split_graph`).
Left out: operations that a device cannot run, and devices that share a buffer type.
"""

from __future__ import annotations

from math import prod

from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.simulator.alloc import allocate
from llmscale.runtimes.llama_cpp.simulator.graph import VIEWS, Graph, GraphTensor
from llmscale.runtimes.llama_cpp.simulator.reorder import reordered

#: From so many rows on a device takes over an operation whose weight lies in host memory (ggml-cuda.cu,
#: `ggml_backend_cuda_device_offload_op`; 32 there).
OFFLOAD_ROWS = 32
#: Copies of every input when the layers of several devices work as a pipeline (ggml-backend.cpp).
PIPELINE_COPIES = 4
#: Operations whose weights are too small to say where they run.
UNWEIGHTED = frozenset({"rope", "flash_attn"})


class Backends(NamedTuple):
    """What the graph runs on.

    Attributes:
        buffers: devices, the host included.
        align: alignment of each device's buffer.
        takes_over: whether devices run operations on large batches whose weights lie on the host.
        copies: how many batches are under way at once.
        reorders: whether devices run a split's operations in an order of their own.
    """

    buffers: int
    align: tuple[int, ...]
    takes_over: bool = False
    copies: int = 1
    reorders: bool = False


def reserve(graph: Graph, backends: Backends) -> list[int]:
    """Bytes of the compute buffer of each device."""
    if backends.buffers == 1:
        for tensor in (*graph.nodes, *graph.leafs):
            tensor.backend = 0
        return allocate(graph.nodes, graph.leafs, 1, backends.align)
    _assign(graph, backends)
    nodes, extra = _split(graph, backends)
    return allocate(nodes, [*extra, *graph.leafs], backends.buffers, backends.align)


def _where(tensor: GraphTensor, backends: Backends) -> int:
    """The device that a tensor's own memory or its weights decide; -1 for none."""
    stored_on = tensor.stored_on if tensor.base is None else tensor.base.stored_on
    host = backends.buffers - 1
    if stored_on is not None:
        return stored_on
    if tensor.input:
        return host
    if tensor.op in UNWEIGHTED:
        return -1
    for source in tensor.src:
        if source.weight and source.stored_on is not None:
            if backends.takes_over and source.stored_on == host and _taken_over(tensor):
                return 0
            return source.stored_on
    return -1


def _taken_over(tensor: GraphTensor) -> bool:
    match tensor.op:
        case "get_rows":
            return False
        case "mul_mat":
            return tensor.ne[1] >= OFFLOAD_ROWS
        case "mul_mat_id" | "rope":
            return tensor.ne[2] >= OFFLOAD_ROWS
        case _:
            return prod(tensor.ne[1:]) >= OFFLOAD_ROWS


def _assign(graph: Graph, backends: Backends) -> None:
    """Give every tensor its device."""
    host = backends.buffers - 1
    for leaf in graph.leafs:
        leaf.backend = _where(leaf, backends)
    for node in graph.nodes:
        node.backend = _where(node, backends) if node.pin is None else node.pin
    working = [node for node in graph.nodes if node.op not in VIEWS]
    for order in (working, working[::-1]):
        _spread(order, skip=host)
    for order in (working, working[::-1]):
        _spread(order, skip=-1)
    for node in graph.nodes:
        if node.base is not None and node.backend == -1:
            node.backend = node.base.backend
        for source in node.src:
            if source.backend == -1:
                source.backend = node.backend if source.base is None else source.base.backend


def _spread(nodes: list[GraphTensor], skip: int) -> None:
    """Nodes without a device take that of the node before, unless it is `skip`."""
    current = -1
    for node in nodes:
        if node.backend != -1:
            current = -1 if node.backend == skip else node.backend
        elif current != -1:
            node.backend = current


def _reachable(tensor: GraphTensor, device: int) -> bool:
    """Whether a device can read a tensor where it lies."""
    base = tensor if tensor.base is None else tensor.base
    if base.stored_on is not None:
        return base.stored_on == device
    backend = tensor.backend if tensor.backend != -1 else base.backend
    return backend == device


class _Splitter:
    """The walk over a graph's nodes that begins a new split wherever the device changes.

    Attributes:
        nodes: those of the graph, and before each split a copy of each of its inputs.
        extra: tensors to place before all.

    Args:
        device: of the first split.
    """

    def __init__(self, device: int, backends: Backends) -> None:
        self.nodes: list[GraphTensor] = []
        self.extra: list[GraphTensor] = []
        self._device = device
        self._count = backends.copies
        self._reorders = backends.reorders
        self._host = backends.buffers - 1
        self._copies: dict[tuple[GraphTensor, int], list[GraphTensor]] = {}
        self._pending: list[GraphTensor] = []
        self._inputs: list[GraphTensor] = []

    def add(self, node: GraphTensor) -> None:
        """Take the next node; a weight from elsewhere begins a new split too, since it is streamed by itself."""
        if node.op in VIEWS:
            self._pending.append(node)
            return
        device = node.backend
        foreign = [one for one in node.src if one.backend != device and not _reachable(one, device)]
        if device != self._device or (self._inputs and any(source.weight for source in foreign)):
            self.close()
            self._device = device
        if foreign:
            node.src = tuple(self._local(source) if source in foreign else source for source in node.src)
        self._pending.append(node)

    def close(self) -> None:
        """End the split: the copies of its inputs, then its nodes."""
        for source in self._inputs:
            kept = GraphTensor("none", source.kind, source.ne, (source,))
            kept.base = source if source.base is None else source.base
            kept.backend = source.backend
            copies = self._copies[source, self._device]
            self.nodes.extend((kept, copies[0]))
            if self._count > 1:
                self.extra.extend(copies)
        moved = self._reorders and self._device != self._host
        self.nodes.extend(reordered(self._pending) if moved else self._pending)
        self._pending.clear()
        self._inputs.clear()

    def _local(self, source: GraphTensor) -> GraphTensor:
        """The copy of a tensor on the device at hand."""
        key = source, self._device
        if key not in self._copies:
            self._copies[key] = [_twin(source, self._device, self._count) for _ in range(self._count)]
            self._inputs.append(source)
        return self._copies[key][0]


def _split(graph: Graph, backends: Backends) -> tuple[list[GraphTensor], list[GraphTensor]]:
    """The nodes with a copy of each input before its split, and the tensors to place before all."""
    first = next(node.backend for node in graph.nodes if node.op not in VIEWS)
    splitter = _Splitter(first, backends)
    for node in graph.nodes:
        splitter.add(node)
    splitter.close()
    if backends.copies == 1:
        return splitter.nodes, splitter.extra
    inputs = [copy for leaf in graph.leafs if leaf.input for copy in _kept(leaf, backends.copies)]
    return splitter.nodes, inputs + splitter.extra


def _twin(source: GraphTensor, device: int, copies: int) -> GraphTensor:
    """A copy of a tensor on another device, strides included."""
    twin = GraphTensor("none", source.kind, source.ne)
    twin.nb = source.nb
    twin.backend = device
    twin.input = twin.output = copies > 1
    return twin


def _kept(leaf: GraphTensor, copies: int) -> list[GraphTensor]:
    """An input and its copies on its own device, all kept while the graph runs."""
    leaf.output = True
    return [leaf, *(_twin(leaf, leaf.backend, copies) for _ in range(copies - 1))]
