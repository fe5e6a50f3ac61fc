"""Queries, keys and values of a layer: how wide they are, and how they are projected (``LlamaAttention.forward``)."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.ops import Step, norm
from llmscale.runtimes.transformers.style import Style
from llmscale.runtimes.transformers.tape import Buffer, Tape


class Heads(NamedTuple):
    """Elements of one token: queries, keys and values of all heads, and what attention makes of them."""

    q: int
    k: int
    v: int
    out: int


def heads_of(block: Attention) -> Heads:
    """The widths of a block."""
    v_dim = block.v_head_dim or block.head_dim
    return Heads(
        block.heads * block.head_dim, block.kv_heads * block.head_dim, block.kv_heads * v_dim, block.heads * v_dim
    )


def together(tape: Tape, step: Step, block: Attention, size: Heads) -> Buffer | None:
    """Q, K and V of one matrix, of which the three are views; None where each has its own."""
    if len(block.names) != 2:
        return None
    return tape.new("Q, K and V", step.rows * (size.q + size.k + size.v), step.width)


def projected(
    tape: Tape, step: Step, block: Attention, style: Style, size: Heads, whole: Buffer | None
) -> tuple[Buffer, Buffer, Buffer]:
    """Q, K and V, normalised where the class does that; each is `whole` where the three are views of it."""
    q_norm, k_norm = block.qk_norm or (0, 0)
    gates = 2 if block.query_gate else 1
    q = whole or tape.new("Q", step.rows * size.q * gates, step.width)
    if block.query_gate:
        tape.new("gate of the output", step.rows * size.q, step.width)
    q = _normed(tape, step, style, ("Q", size.q, q_norm), q, whole)
    k = whole or tape.new("K", step.rows * size.k, step.width)
    k = _normed(tape, step, style, ("K", size.k, k_norm), k, whole)
    return q, k, whole or tape.new("V", step.rows * size.v, step.width)


def _normed(
    tape: Tape, step: Step, style: Style, what: tuple[str, int, int], raw: Buffer, whole: Buffer | None
) -> Buffer:
    """Q or K (`what`: name, elements of a token, those of a row of its norm) after its norm, if it has one."""
    name, elements, row = what
    if not row:
        return raw
    made = norm(tape, f"normed {name}", step.rows * elements, row, step, style.norm)
    if whole is None:
        tape.free(raw)
    return made


def repeated(tape: Tape, step: Step, block: Attention, size: Heads, rows: int) -> None:
    """``repeat_kv`` of `rows` tokens a sequence, for as many heads as Q has; of one head it is a view."""
    if block.kv_heads == 1:
        return
    groups = block.heads // block.kv_heads
    tape.new("repeated K", step.batch * rows * size.k * groups, step.width)
    tape.new("repeated V", step.batch * rows * size.v * groups, step.width)
