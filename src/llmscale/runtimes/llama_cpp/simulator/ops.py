"""The operations of ggml that language models use, as constructors of `GraphTensor`: the shape of each result.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml.c.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator.ggml_types import block, row_bytes
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor, Shape


def weight(stored_on: int, kind: str, *shape: int) -> GraphTensor:
    """A weight; its type matters only where it is copied, since every product of weights is float32."""
    tensor = GraphTensor("none", kind, pad(shape))
    tensor.stored_on = stored_on
    tensor.weight = True
    return tensor


def stored(stored_on: int, kind: str, *shape: int) -> GraphTensor:
    """A cache or a state, which lives outside the graph."""
    tensor = GraphTensor("none", kind, pad(shape))
    tensor.stored_on = stored_on
    return tensor


def given(kind: str, *shape: int) -> GraphTensor:
    """An input of the graph."""
    tensor = GraphTensor("none", kind, pad(shape))
    tensor.input = True
    return tensor


def pad(shape: tuple[int, ...]) -> Shape:
    """A shape of four axes."""
    a, b, c, d = (*shape, 1, 1, 1)[:4]
    return (a, b, c, d)


def like(op: str, first: GraphTensor, *others: GraphTensor) -> GraphTensor:
    """An operation whose result has the shape of its first source."""
    return GraphTensor(op, first.kind, first.ne, (first, *others))


def mul_mat(matrix: GraphTensor, x: GraphTensor) -> GraphTensor:
    """A product with each row of `x`."""
    return GraphTensor("mul_mat", "f32", (matrix.ne[1], x.ne[1], x.ne[2], x.ne[3]), (matrix, x))


def mul_mat_id(experts: GraphTensor, x: GraphTensor, ids: GraphTensor) -> GraphTensor:
    """A product with the matrices that `ids` picks for each token."""
    return GraphTensor("mul_mat_id", "f32", (experts.ne[1], ids.ne[0], x.ne[2], 1), (experts, x, ids))


def get_rows(table: GraphTensor, ids: GraphTensor) -> GraphTensor:
    """The rows that `ids` picks."""
    kind = "i32" if table.kind == "i32" else "f32"
    return GraphTensor("get_rows", kind, (table.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]), (table, ids))


def set_rows(target: GraphTensor, rows: GraphTensor, ids: GraphTensor) -> GraphTensor:
    """The target with `rows` written to where `ids` says."""
    result = view_of("set_rows", target, target.ne, target.nb)
    result.src = (rows, ids, target)
    return result


def copy_to(source: GraphTensor, target: GraphTensor) -> GraphTensor:
    """The target with the source written over it."""
    result = view_of("cpy", target, target.ne, target.nb)
    result.src = (source, target)
    return result


def cast(source: GraphTensor, kind: str) -> GraphTensor:
    """The source in another type."""
    return GraphTensor("cpy", kind, source.ne, (source,))


def cont(source: GraphTensor, *shape: int) -> GraphTensor:
    """The source without gaps, in another shape if one is given."""
    return GraphTensor("cont", source.kind, pad(shape) if shape else source.ne, (source,))


def glu(first: GraphTensor, second: GraphTensor | None = None) -> GraphTensor:
    """A gated activation: of two tensors, or of the two halves of one."""
    if second is not None:
        return GraphTensor("glu", first.kind, first.ne, (first, second))
    a, b, c, d = first.ne
    return GraphTensor("glu", first.kind, (a // 2, b, c, d), (first,))


def concat(first: GraphTensor, second: GraphTensor, axis: int) -> GraphTensor:
    """Two tensors joined along one axis."""
    shape = list(first.ne)
    shape[axis] += second.ne[axis]
    return GraphTensor("concat", first.kind, pad(tuple(shape)), (first, second))


def sum_rows(x: GraphTensor) -> GraphTensor:
    """The sum over the fastest axis."""
    return GraphTensor("sum_rows", x.kind, (1, *x.ne[1:]), (x,))


def repeat(x: GraphTensor, *shape: int) -> GraphTensor:
    """A tensor repeated to a shape."""
    return GraphTensor("repeat", x.kind, pad(shape), (x,))


def argsort_top_k(x: GraphTensor, k: int) -> GraphTensor:
    """The positions of the largest `k`: a view of the sorted positions of all."""
    order = GraphTensor("argsort", "i32", x.ne, (x,))
    return view(order, (k, *x.ne[1:]), order.steps)


def flash_attention(
    q: GraphTensor, k: GraphTensor, v: GraphTensor, mask: GraphTensor, sinks: GraphTensor | None
) -> GraphTensor:
    """Attention in one operation."""
    sources = (q, k, v, mask) if sinks is None else (q, k, v, mask, sinks)
    return GraphTensor("flash_attn", "f32", (v.ne[0], q.ne[2], q.ne[1], q.ne[3]), sources)


def view_of(op: str, x: GraphTensor, shape: Shape, strides: Shape | None) -> GraphTensor:
    """A result that looks at the memory of `x`."""
    result = GraphTensor(op, x.kind, shape, (x,))
    result.nb = strides
    result.base = x if x.base is None else x.base
    return result


def view(x: GraphTensor, shape: tuple[int, ...], steps: tuple[int, ...] = ()) -> GraphTensor:
    """Part of `x`; bytes between its rows, planes and so on as ggml_view_4d takes them, the first that are given."""
    return view_of("view", x, pad(shape), strides_of(x.kind, pad(shape), steps))


def part(x: GraphTensor, *shape: int) -> GraphTensor:
    """Part of `x` that keeps its strides between rows (`ggml_view_2d` and its like with ``x->nb``)."""
    return view(x, shape, x.steps[: len(shape) - 1])


def strides_of(kind: str, shape: Shape, steps: tuple[int, ...]) -> Shape:
    """Strides of four axes: those past the given steps follow from the shape, as `ggml_view_impl` has it."""
    full = list(steps) or [row_bytes(kind, shape[0])]
    for count in shape[len(full) : -1]:
        full.append(full[-1] * count)
    return (block(kind)[1], full[0], full[1], full[2])


def reshape(x: GraphTensor, *shape: int) -> GraphTensor:
    """The same elements in another shape."""
    return view_of("reshape", x, pad(shape), None)


def permute(x: GraphTensor, *axes: int) -> GraphTensor:
    """The axes in another order: axis i becomes axis ``axes[i]``."""
    shape, strides, old = [0] * 4, [0] * 4, x.strides
    for axis, target in enumerate(axes):
        shape[target] = x.ne[axis]
        strides[target] = old[axis]
    return view_of(
        "permute", x, (shape[0], shape[1], shape[2], shape[3]), (strides[0], strides[1], strides[2], strides[3])
    )


def transpose(x: GraphTensor) -> GraphTensor:
    """Rows for columns."""
    return permute(x, 1, 0, 2, 3)
