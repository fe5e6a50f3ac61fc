"""ggml's scheduler: which device runs each operation, and which tensors are copied from one to another.

Devices are numbered by priority; the last one is the host. Weights and caches sit where they were put, inputs on the
host, and an operation runs where its weight is, or where its neighbours run. Wherever the device changes a new
*split* begins, and what it needs from elsewhere is copied to it first.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml-backend.cpp (`ggml_backend_sched_split_graph`).
Left out: operations that a device cannot run, and devices that share a buffer type.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from llmscale.runtimes.llama_cpp.simulator.alloc import allocate
from llmscale.runtimes.llama_cpp.simulator.graph import VIEWS, Graph, GraphTensor

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
    """

    buffers: int
    align: tuple[int, ...]
    takes_over: bool = False
    copies: int = 1


def reserve(graph: Graph, devices: Backends) -> list[int]:
    """Bytes of the compute buffer of each device."""
    if devices.buffers == 1:
        for tensor in (*graph.nodes, *graph.leafs):
            tensor.backend = 0
        return allocate(graph.nodes, graph.leafs, 1, devices.align)
    _assign(graph, devices)
    nodes, extra = _split(graph, devices)
    return allocate(nodes, [*extra, *graph.leafs], devices.buffers, devices.align)


def _where(tensor: GraphTensor, devices: Backends) -> int:
    """The device that a tensor's own memory or its weights decide; -1 for none."""
    stored_on = tensor.stored_on if tensor.base is None else tensor.base.stored_on
    host = devices.buffers - 1
    if stored_on is not None:
        return stored_on
    if tensor.input:
        return host
    if tensor.op in UNWEIGHTED:
        return -1
    for source in tensor.src:
        if source.weight and source.stored_on is not None:
            if devices.takes_over and source.stored_on == host and _taken_over(tensor):
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


def _assign(graph: Graph, devices: Backends) -> None:
    """Give every tensor its device."""
    host = devices.buffers - 1
    for leaf in graph.leafs:
        leaf.backend = _where(leaf, devices)
    for node in graph.nodes:
        node.backend = _where(node, devices) if node.pin is None else node.pin
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


def _split(graph: Graph, devices: Backends) -> tuple[list[GraphTensor], list[GraphTensor]]:
    """The nodes with a copy of each input before its split, and the tensors to place before all."""
    nodes: list[GraphTensor] = []
    extra: list[GraphTensor] = []
    pending: list[GraphTensor] = []
    inputs: list[GraphTensor] = []
    current = next(node.backend for node in graph.nodes if node.op not in VIEWS)

    def close() -> None:
        for source in inputs:
            held = GraphTensor("none", source.kind, source.ne, (source,))
            held.base = source if source.base is None else source.base
            held.backend = source.backend
            copies = (source.copies or {})[current]
            nodes.extend((held, copies[0]))
            if devices.copies > 1:
                extra.extend(copies)
        nodes.extend(pending)
        pending.clear()
        inputs.clear()

    for node in graph.nodes:
        if node.op in VIEWS:
            pending.append(node)
            continue
        streamed = bool(inputs) and any(
            source.weight and source.backend != current and not _reachable(source, current) for source in node.src
        )
        if node.backend != current or streamed:
            close()
            current = node.backend
        for source in node.src:
            if source.backend != current and not _reachable(source, current):
                if source.copies is None:
                    source.copies = {}
                if current not in source.copies:
                    source.copies[current] = [_twin(source, current, devices.copies) for _ in range(devices.copies)]
                    inputs.append(source)
        if any(source.copies and current in source.copies for source in node.src):
            node.src = tuple(
                source.copies[current][0] if _foreign(source, current) and source.copies else source
                for source in node.src
            )
        pending.append(node)
    close()
    if devices.copies > 1:
        extra = [twin for leaf in graph.leafs if leaf.input for twin in _held(leaf, devices.copies)] + extra
    return nodes, extra


def _foreign(source: GraphTensor, device: int) -> bool:
    return (
        source.copies is not None
        and device in source.copies
        and source.backend != device
        and not _reachable(source, device)
    )


def _twin(source: GraphTensor, device: int, copies: int) -> GraphTensor:
    """A copy of a tensor on another device, strides included."""
    twin = GraphTensor("none", source.kind, source.ne)
    twin.nb = source.nb
    twin.backend = device
    twin.input = twin.output = copies > 1
    return twin


def _held(leaf: GraphTensor, copies: int) -> list[GraphTensor]:
    """An input and its copies on its own device, all kept while the graph runs."""
    leaf.output = True
    return [leaf, *(_twin(leaf, leaf.backend, copies) for _ in range(copies - 1))]
