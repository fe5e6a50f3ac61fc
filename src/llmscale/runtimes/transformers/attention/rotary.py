"""Rotary positions, as many ways as classes have to write ``apply_rotary_pos_emb``. `n` counts elements."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.attention.heads import Heads
from llmscale.runtimes.transformers.ops import FP32, Step
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: Ways that leave a result in FP32, which is then narrowed.
WIDENING = frozenset({"fp32", "wide", "promoted", "complex", "float"})


def rotated(tape: Tape, step: Step, size: Heads, style: Habit, share: float, table: int) -> tuple[Buffer, Buffer]:
    """Q and K with their positions.

    Args:
        share: of a head that has some.
        table: how many elements of a head that is.
    """
    mark, parts = tape.mark(), (("Q", step.rows * size.q), ("K", step.rows * size.k))
    width = step.width
    if style.rotary == "fp32":
        width = FP32
        for name, n in parts:
            tape.new(f"{name} in FP32", n, FP32)
    if style.rotary == "wide":
        # Cosines and sines are spread over both elements of each pair.
        tape.new("cosines and sines of pairs", 2 * step.rows * table, FP32)
    q, k = [_turned(tape, style, name, n, share, width) for name, n in parts]
    if style.rope_open:
        # The rotated parts are variables of the attention too.
        q, k = [tape.new(f"rotated {name}", n, step.width) for name, n in parts]
        return q, k
    if style.rotary in WIDENING and step.width != FP32:
        q, k = [tape.new(f"rotated {name}", n, step.width) for name, n in parts]
    tape.leave(mark, q, k)
    return q, k


def _turned(tape: Tape, style: Habit, name: str, n: int, share: float, width: int) -> Buffer:
    """Q or K after the rotation, put together with what does not rotate unless the attention does that itself."""
    turned = TURNS[style.rotary](tape, name, int(n * share), width)
    if share == 1 or style.rope_open:
        return turned
    whole = tape.new(f"rotated {name}", n, width)
    tape.free(turned)
    return whole


def rotate(tape: Tape, name: str, n: int, width: int, table: int = 0) -> Buffer:
    """``(x * cos) + (rotate_half(x) * sin)``; the wider of `x` and its tables decides the products."""
    mark, wide = tape.mark(), max(width, table)
    tape.new(f"{name} times cosine", n, wide)
    half = tape.new(f"{name}, one half negated", n // 2, width)
    turned = tape.new(f"{name}, halves swapped", n, width)
    tape.free(half)
    tape.new(f"{name} times sine", n, wide)
    tape.free(turned)
    out = tape.new(f"rotated {name}", n, wide)
    tape.leave(mark, out)
    return out


def rotate_wide(tape: Tape, name: str, n: int, width: int) -> Buffer:
    """``(x.float() * cos) + (rotate_half(x).float() * sin)``."""
    mark = tape.mark()
    single = tape.new(f"{name} in FP32", n, FP32)
    tape.new(f"{name} times cosine", n, FP32)
    tape.free(single)
    half = tape.new(f"{name}, one half negated", n // 2, width)
    turned = tape.new(f"{name}, halves swapped", n, width)
    tape.free(half)
    single = tape.new(f"{name}, halves swapped, in FP32", n, FP32)
    tape.free(turned)
    tape.new(f"{name} times sine", n, FP32)
    tape.free(single)
    out = tape.new(f"rotated {name}", n, FP32)
    tape.leave(mark, out)
    return out


def rotate_float(tape: Tape, name: str, n: int, width: int) -> Buffer:
    """``(x.float() * cos) + (rotate_half(x.float()) * sin)``."""
    mark = tape.mark()
    single = tape.new(f"{name} in FP32", n, FP32)
    tape.new(f"{name} times cosine", n, FP32)
    tape.free(single)
    single = tape.new(f"{name} in FP32", n, FP32)
    half = tape.new(f"{name}, one half negated", n // 2, FP32)
    turned = tape.new(f"{name}, halves swapped", n, FP32)
    tape.free(single, half)
    tape.new(f"{name} times sine", n, FP32)
    tape.free(turned)
    out = tape.new(f"rotated {name}", n, FP32)
    tape.leave(mark, out)
    return out


def rotate_complex(tape: Tape, name: str, n: int, width: int) -> Buffer:
    """``view_as_real(view_as_complex(x.float()) * freqs)``; the copy in FP32 stays until both are rotated."""
    if width != FP32:
        tape.new(f"{name} in FP32", n, FP32)
    return tape.new(f"rotated {name}", n, FP32)


#: By `Habit.rotary`; what is called of it: the tape, a name, elements and their bytes.
TURNS: dict[str, Callable[[Tape, str, int, int], Buffer]] = {
    "half": rotate,
    "fp32": rotate,
    "promoted": partial(rotate, table=FP32),
    "wide": rotate_wide,
    "float": rotate_float,
    "complex": rotate_complex,
}
