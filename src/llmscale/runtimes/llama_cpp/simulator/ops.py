"""The operations of ggml that language models use, as constructors of `Tensor`: the shape of each result.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml.c.
"""

from __future__ import annotations

from llmscale.runtimes.llama_cpp.simulator.graph import BLOCKS, Shape, Tensor, row_bytes


def weight(home: int, kind: str, *shape: int) -> Tensor:
    """A weight; its type matters only where it is copied, since every product of weights is float32."""
    tensor = Tensor("none", kind, pad(shape))
    tensor.home = home
    tensor.weight = True
    return tensor


def stored(home: int, kind: str, *shape: int) -> Tensor:
    """A cache or a state, which lives outside the graph."""
    tensor = Tensor("none", kind, pad(shape))
    tensor.home = home
    return tensor


def given(kind: str, *shape: int) -> Tensor:
    """An input of the graph."""
    tensor = Tensor("none", kind, pad(shape))
    tensor.input = True
    return tensor


def pad(shape: tuple[int, ...]) -> Shape:
    """A shape of four axes."""
    a, b, c, d = (*shape, 1, 1, 1)[:4]
    return (a, b, c, d)


def like(op: str, first: Tensor, *others: Tensor) -> Tensor:
    """An operation whose result has the shape of its first source."""
    return Tensor(op, first.kind, first.ne, (first, *others))


def mul_mat(matrix: Tensor, x: Tensor) -> Tensor:
    """A product with each row of `x`."""
    return Tensor("mul_mat", "f32", (matrix.ne[1], x.ne[1], x.ne[2], x.ne[3]), (matrix, x))


def mul_mat_id(experts: Tensor, x: Tensor, ids: Tensor) -> Tensor:
    """A product with the matrices that `ids` picks for each token."""
    return Tensor("mul_mat_id", "f32", (experts.ne[1], ids.ne[0], x.ne[2], 1), (experts, x, ids))


def get_rows(table: Tensor, ids: Tensor) -> Tensor:
    """The rows that `ids` picks."""
    kind = "i32" if table.kind == "i32" else "f32"
    return Tensor("get_rows", kind, (table.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]), (table, ids))


def set_rows(target: Tensor, rows: Tensor, ids: Tensor) -> Tensor:
    """The target with `rows` written to where `ids` says."""
    result = view_of("set_rows", target, target.ne, target.nb)
    result.src = (rows, ids, target)
    return result


def copy_to(source: Tensor, target: Tensor) -> Tensor:
    """The target with the source written over it."""
    result = view_of("cpy", target, target.ne, target.nb)
    result.src = (source, target)
    return result


def cast(source: Tensor, kind: str) -> Tensor:
    """The source in another type."""
    return Tensor("cpy", kind, source.ne, (source,))


def cont(source: Tensor, *shape: int) -> Tensor:
    """The source without gaps, in another shape if one is given."""
    return Tensor("cont", source.kind, pad(shape) if shape else source.ne, (source,))


def glu(first: Tensor, second: Tensor | None = None) -> Tensor:
    """A gated activation: of two tensors, or of the two halves of one."""
    if second is not None:
        return Tensor("glu", first.kind, first.ne, (first, second))
    a, b, c, d = first.ne
    return Tensor("glu", first.kind, (a // 2, b, c, d), (first,))


def concat(first: Tensor, second: Tensor, axis: int) -> Tensor:
    """Two tensors joined along one axis."""
    shape = list(first.ne)
    shape[axis] += second.ne[axis]
    return Tensor("concat", first.kind, pad(tuple(shape)), (first, second))


def sum_rows(x: Tensor) -> Tensor:
    """The sum over the fastest axis."""
    return Tensor("sum_rows", x.kind, (1, *x.ne[1:]), (x,))


def repeat(x: Tensor, *shape: int) -> Tensor:
    """A tensor repeated to a shape."""
    return Tensor("repeat", x.kind, pad(shape), (x,))


def argsort_top_k(x: Tensor, k: int) -> Tensor:
    """The positions of the largest `k`: a view of the sorted positions of all."""
    order = Tensor("argsort", "i32", x.ne, (x,))
    return view(order, (k, *x.ne[1:]), order.strides)


def flash_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, sinks: Tensor | None) -> Tensor:
    """Attention in one operation."""
    sources = (q, k, v, mask) if sinks is None else (q, k, v, mask, sinks)
    return Tensor("flash_attn", "f32", (v.ne[0], q.ne[2], q.ne[1], q.ne[3]), sources)


def view_of(op: str, x: Tensor, shape: Shape, strides: Shape | None) -> Tensor:
    """A result that looks at the memory of `x`."""
    result = Tensor(op, x.kind, shape, (x,))
    result.nb = strides
    result.base = x if x.base is None else x.base
    return result


def view(x: Tensor, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    """Part of `x`; strides as ggml_view_4d takes them, with the first filled in, and the last repeated."""
    return view_of("view", x, pad(shape), pad_strides(x.kind, pad(shape), strides))


def part(x: Tensor, *shape: int) -> Tensor:
    """Part of `x` that keeps its strides between rows (`ggml_view_2d` and its like with ``x->nb``)."""
    return view(x, shape, x.strides[: max(len(shape), 1)])


def pad_strides(kind: str, shape: Shape, strides: tuple[int, ...]) -> Shape:
    """Strides of four axes: those past the given ones follow from the shape, as `ggml_view_impl` has it."""
    full = [BLOCKS[kind][1], *strides[1:]]
    if len(full) == 1:
        full.append(row_bytes(kind, shape[0]))
    while len(full) < 4:
        full.append(full[-1] * shape[len(full) - 1])
    return (full[0], full[1], full[2], full[3])


def reshape(x: Tensor, *shape: int) -> Tensor:
    """The same elements in another shape."""
    return view_of("reshape", x, pad(shape), None)


def permute(x: Tensor, *axes: int) -> Tensor:
    """The axes in another order: axis i becomes axis ``axes[i]``."""
    shape, strides, old = [0] * 4, [0] * 4, x.strides
    for axis, target in enumerate(axes):
        shape[target] = x.ne[axis]
        strides[target] = old[axis]
    return view_of(
        "permute", x, (shape[0], shape[1], shape[2], shape[3]), (strides[0], strides[1], strides[2], strides[3])
    )


def transpose(x: Tensor) -> Tensor:
    """Rows for columns."""
    return permute(x, 1, 0, 2, 3)
