"""Operations that several blocks share: norms, activations, rotary positions.

Each goes through the code that it is named after, in transformers 5.23.0 or PyTorch 2.13, and leaves on the tape what
that leaves alive. `n` counts elements.
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.runtimes.transformers.tape import Buffer, Tape

FP32 = 4
INT64 = 8


class Step(NamedTuple):
    """One call of the model.

    Attributes:
        batch: sequences.
        tokens: tokens of each that go through the model now.
        past: tokens of each that went through it before.
        width: bytes of an activation.
        eager: attention by single operations.
        flash: attention by FlashAttention-2, which needs no mask.
        first: whether it is the first step after the prompt, which sliding windows still hold whole.
        static: tokens that a static cache has room for; 0 for a dynamic one.
        copied_experts: bytes of one element of the experts' weights that decoding copies; 0 where it does not.
        grouped: whether SDPA shares K and V among query heads; transformers before 4.48 repeated them.
        source: of an encoder-decoder, tokens that the encoder sees.
        all_logits: whether FP32 logits of the whole prompt are made, as before 4.45.
    """

    batch: int
    tokens: int
    past: int
    width: int
    eager: bool = False
    flash: bool = False
    first: bool = False
    static: int = 0
    copied_experts: int = 2
    grouped: bool = True
    source: int = 0
    all_logits: bool = False

    @property
    def masks(self) -> int:
        """Masks that are not alike; a static cache has one for each sequence."""
        return self.batch if self.static else 1

    @property
    def rows(self) -> int:
        """Tokens of all sequences."""
        return self.batch * self.tokens

    @property
    def seen(self) -> int:
        """Tokens of one sequence after the step."""
        return self.past + self.tokens


def norm(tape: Tape, name: str, n: int, size: int, step: Step, kind: str) -> Buffer:
    """A norm of `n` elements in rows of `size`; the input is the caller's."""
    mark = tape.mark()
    if kind == "layer":
        # native_layer_norm also returns mean and deviation of each row.
        out = tape.new(name, n, step.width)
        tape.new("mean and deviation of rows", 2 * (n // size), FP32)
        tape.leave(mark, out)
        return out
    single = tape.new("FP32 copy", n, FP32) if step.width != FP32 else None
    if kind == "manual":
        centred = tape.new("FP32 centred", n, FP32)
        tape.free(tape.new("FP32 square", n, FP32), centred)
        centred = tape.new("FP32 centred", n, FP32)
        normed = tape.new("FP32 norm", n, FP32)
        tape.free(centred)
    elif kind == "bare":
        normed = tape.new("FP32 norm", n, FP32)
    else:
        tape.free(tape.new("FP32 square", n, FP32))
        normed = tape.new("FP32 norm", n, FP32)
    if single:
        tape.free(single)
    if kind in ("gemma", "manual"):
        scaled = tape.new("FP32 scaled", n, FP32)
        tape.free(normed)
        normed = scaled
    if kind == "rms":
        if step.width != FP32:
            tape.new("narrow copy", n, step.width)
        normed = tape.new(name, n, step.width)
    elif step.width != FP32:
        normed = tape.new(name, n, step.width)
    tape.leave(mark, normed)
    return normed


def activation(tape: Tape, n: int, width: int, kind: str, name: str = "activation") -> Buffer:
    """An activation; the input is the caller's."""
    mark = tape.mark()
    if kind == "gelu_new":
        # 0.5 * x * (1 + tanh(c * (x + 0.044715 * x**3))): three besides x at any time
        tape.new("half of it", n, width)
        tape.new("cube", n, width)
    elif kind == "relu2":
        tape.new("ReLU", n, width)
    elif kind == "xielu":
        # where(x > 0, a * x * x + b * x, (expm1(min(x, eps)) - x) * a + b * x), both sides whole
        for side in ("square side", "exponential side", "linear part"):
            tape.new(side, n, width)
        tape.new("signs", n, 1)
    elif kind == "quick_gelu":
        # x * sigmoid(1.702 * x)
        tape.new("sigmoid", n, width)
    out = tape.new(name, n, width)
    tape.leave(mark, out)
    return out


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


def rotate_float(tape: Tape, name: str, n: int) -> Buffer:
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
