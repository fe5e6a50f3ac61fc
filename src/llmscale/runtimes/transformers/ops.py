"""One step, and operations that several blocks share: norms and activations.

Each traces the code that it is named after, in transformers 5.23.0 or PyTorch 2.13, and leaves on the tape what that
leaves alive. `n` counts elements.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.style import Activation, Normed
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


def norm(tape: Tape, name: str, n: int, size: int, step: Step, kind: Normed) -> Buffer:
    """A norm of `n` elements in rows of `size`; the input is the caller's."""
    mark = tape.mark()
    if kind == "layer":
        # native_layer_norm also returns mean and deviation of each row.
        out = tape.new(name, n, step.width)
        tape.new("mean and deviation of rows", 2 * (n // size), FP32)
        tape.leave(mark, out)
        return out
    single = [tape.new("FP32 copy", n, FP32)] if step.width != FP32 else []
    normed = _normed(tape, n, kind)
    tape.free(*single)
    if kind in ("gemma", "manual"):
        scaled = tape.new("FP32 scaled", n, FP32)
        tape.free(normed)
        normed = scaled
    if kind == "rms" and step.width != FP32:
        tape.new("narrow copy", n, step.width)
    if kind == "rms" or step.width != FP32:
        normed = tape.new(name, n, step.width)
    tape.leave(mark, normed)
    return normed


def _normed(tape: Tape, n: int, kind: Normed) -> Buffer:
    """The norm in FP32, before it is multiplied with a weight."""
    if kind == "bare":
        return tape.new("FP32 norm", n, FP32)
    if kind != "manual":
        tape.free(tape.new("FP32 square", n, FP32))
        return tape.new("FP32 norm", n, FP32)
    centred = tape.new("FP32 centred", n, FP32)
    tape.free(tape.new("FP32 square", n, FP32), centred)
    centred = tape.new("FP32 centred", n, FP32)
    normed = tape.new("FP32 norm", n, FP32)
    tape.free(centred)
    return normed


#: What an activation has besides its input and its output, in elements of the input.
INTERMEDIATE: dict[Activation, tuple[str, ...]] = {
    "fused": (),
    # 0.5 * x * (1 + tanh(c * (x + 0.044715 * x**3)))
    "gelu_new": ("half of it", "cube"),
    "relu2": ("ReLU",),
    # x * sigmoid(1.702 * x)
    "quick_gelu": ("sigmoid",),
    # where(x > 0, a * x * x + b * x, (expm1(min(x, eps)) - x) * a + b * x), both sides whole
    "xielu": ("square side", "exponential side", "linear part", "signs"),
}


def activation(tape: Tape, n: int, width: int, kind: Activation, name: str = "activation") -> Buffer:
    """An activation; the input is the caller's."""
    mark = tape.mark()
    for part in INTERMEDIATE[kind]:
        tape.new(part, n, 1 if part == "signs" else width)
    out = tape.new(name, n, width)
    tape.leave(mark, out)
    return out
