"""Feed-forward blocks: plain and gated MLPs, and mixtures of experts.

After ``LlamaMLP``, ``Phi3MLP``, ``GPT2MLP`` and ``integrations/moe.py``: ``grouped_mm`` for the prompt, and for each
token after it ``batched_mm``, which copies the weights of every expert that a token is sent to
(``_optimize_model_for_decode`` in ``generation/utils.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.model.blocks.mlp import GatedMlp, MergedExperts, MixtureOfExperts, Mlp, PackedExperts, StackedExperts
from llmscale.model.spec import Block
from llmscale.runtimes.transformers.ops import FP32, INT64, Step, activation
from llmscale.runtimes.transformers.styles import Style
from llmscale.runtimes.transformers.tape import Buffer, Tape

INT32 = 4


class Experts(NamedTuple):
    """Routed experts, and what every token passes besides.

    Attributes:
        intermediate: width of one.
        shared: width of the shared expert; 0 for none.
        stacked: whether gate and up take turns in one matrix, with biases (gpt-oss).
        fused_shared: whether gate and up of the shared expert are one matrix.
    """

    hidden: int
    intermediate: int
    experts: int
    used: int
    shared: int = 0
    gated: bool = True
    stacked: bool = False
    fused_shared: bool = False


def experts_of(block: Block) -> Experts | None:
    """The block's experts; None for a block without, or with some that are not like these."""
    if isinstance(block, MixtureOfExperts):
        return Experts(
            block.latent or block.hidden, block.intermediate, block.experts, block.used, block.shared, block.gated
        )
    if isinstance(block, StackedExperts):
        return Experts(block.hidden, block.intermediate, block.experts, block.used, stacked=True)
    if isinstance(block, MergedExperts):
        return Experts(block.hidden, block.intermediate, block.experts, block.used)
    if isinstance(block, PackedExperts) and block.component == "experts":
        (down,) = (shape for _, part, shape in block.matrices if part == "down")
        return Experts(block.hidden, down[0] * down[1] // block.hidden, block.experts, block.used)
    return None


def with_shared(parts: Experts, block: GatedMlp) -> Experts:
    """Experts with the shared one that stands beside them."""
    return parts._replace(shared=block.intermediate, fused_shared=len(block.names) == 2)


def gated(
    tape: Tape, step: Step, hidden: int, intermediate: int, fused: bool, whose: str = "", act: str = "fused"
) -> Buffer:
    """``down(act(gate(x)) * up(x))``; fused, gate and up are two views of one tensor."""
    mark, n, width = tape.mark(), step.rows * intermediate, step.width
    gate = tape.new(f"{whose}gate and up" if fused else f"{whose}gate", 2 * n if fused else n, width)
    made = activation(tape, n, width, act, f"{whose}activation of the gate")
    up = None
    if not fused:
        tape.free(gate)
        up = tape.new(f"{whose}up", n, width)
    tape.new(f"{whose}product", n, width)
    tape.free(made, *([up] if up else []))
    out = tape.new(f"{whose}MLP output", step.rows * hidden, width)
    tape.leave(mark, out)
    return out


def plain(tape: Tape, step: Step, block: Mlp, style: Style, given: Buffer) -> Buffer:
    """``down(act(up(x)))``."""
    mark, n, width = tape.mark(), step.rows * block.intermediate, step.width
    up = tape.new("up", n, width)
    if style.inline:
        tape.free(given)
    activation(tape, n, width, style.act)
    tape.free(up)
    out = tape.new("MLP output", step.rows * block.hidden, width)
    tape.leave(mark, out)
    return out


def mixture(tape: Tape, step: Step, parts: Experts, style: Style) -> Buffer:
    """Router, routed experts, and the shared expert before or after them."""
    if style.dense_experts:
        return _dense(tape, step, parts)
    mark, n, width = tape.mark(), step.rows, step.width
    weight = FP32 if style.routed_in_fp32 else width
    shared = None
    if parts.shared and style.shared_first:
        shared = gated(tape, step, parts.hidden, parts.shared, parts.fused_shared, "shared expert's ")
    if style.router_in_fp32 and width != FP32:
        # The router's own copies of hidden states and its matrix in FP32.
        tape.free(tape.new("hidden states in FP32", n * parts.hidden, FP32))
    tape.new("router logits", n * parts.experts, FP32 if style.router_in_fp32 else width)
    tape.new("chosen experts", n * parts.used, INT64)
    tape.new("routing weights", n * parts.used, weight)
    copied = step.copied_experts if step.past else 0
    routed = _batched(tape, step, parts, weight, copied) if copied else _grouped(tape, step, parts, weight)
    if parts.shared and not shared:
        shared = gated(tape, step, parts.hidden, parts.shared, parts.fused_shared, "shared expert's ")
    if shared:
        routed = tape.new("MLP output", n * parts.hidden, width)
    tape.leave(mark, routed)
    return routed


def _dense(tape: Tape, step: Step, parts: Experts) -> Buffer:
    """``Llama4TextMoe.forward``: each token once for every expert, those that it is not sent to scaled by nothing."""
    mark, n, width = tape.mark(), step.rows, step.width
    rows = n * parts.experts
    tape.new("router logits", rows, width)
    tape.new("router scores", rows, width)
    repeated = tape.new("inputs of all experts", rows * parts.hidden, width)
    tape.new("scaled inputs of all experts", rows * parts.hidden, width)
    tape.free(repeated)
    inner = tape.mark()
    tape.new("gate and up of all experts", 2 * rows * parts.intermediate, width)
    act = tape.new("activation of all experts' gates", rows * parts.intermediate, width)
    product = tape.new("product of all experts", rows * parts.intermediate, width)
    tape.free(act)
    routed = tape.new("outputs of all experts", rows * parts.hidden, width)
    tape.free(product)
    tape.leave(inner, routed)
    out = gated(tape, step, parts.hidden, parts.shared, parts.fused_shared, "shared expert's ")
    tape.new("sum of all experts", n * parts.hidden, width)
    tape.leave(mark, out)
    return out


def _grouped(tape: Tape, step: Step, parts: Experts, weight: int) -> Buffer:
    """``grouped_mm_experts_forward``: each token once for every expert that it is sent to, sorted by expert."""
    mark, rows, width = tape.mark(), step.rows * parts.used, step.width
    tape.new("sorted experts", rows, INT64)
    tape.new("order of rows", rows, INT64)
    index = tape.new("rows of tokens", rows, INT64)
    tape.new("inputs of experts", rows * parts.hidden, width)
    tape.free(index)
    tape.new("sorted weights", rows, weight)
    tape.new("sorted experts in INT32", rows, INT32)
    made = _projected(tape, parts, rows, width)
    if parts.stacked:
        tape.new("biases of down", rows * parts.hidden, width)
    tape.new("outputs of experts", rows * parts.hidden, width)
    tape.free(made)
    wide = max(width, weight)
    weighted = tape.new("weighted outputs of experts", rows * parts.hidden, wide)
    tape.new("order back", rows, INT64)
    tape.new("outputs in order of tokens", rows * parts.hidden, wide)
    tape.free(weighted)
    out = tape.new("MLP output", step.rows * parts.hidden, wide)
    if wide != width:
        narrow = tape.new("MLP output", step.rows * parts.hidden, width)
        tape.free(out)
        out = narrow
    tape.leave(mark, out)
    return out


def _projected(tape: Tape, parts: Experts, rows: int, width: int) -> Buffer:
    """What goes into the experts' last matrix."""
    n = rows * parts.intermediate
    if parts.stacked:
        tape.new("biases of gate and up", 2 * n, width)
        both = tape.new("gate and up of experts", 2 * n, width)
        gate, up = tape.new("clamped gate", n, width), tape.new("clamped up", n, width)
        scaled = tape.new("scaled gate", n, width)
        sigmoid = tape.new("sigmoid", n, width)
        tape.free(scaled)
        act = tape.new("activation of experts' gates", n, width)
        tape.free(sigmoid)
        more = tape.new("up plus one", n, width)
        product = tape.new("product of experts", n, width)
        tape.free(both, gate, up, act, more)
        return product
    if not parts.gated:
        up = tape.new("up of experts", n, width)
        act = tape.new("activation of experts", n, width)
        tape.free(up)
        return act
    both = tape.new("gate and up of experts", 2 * n, width)
    act = tape.new("activation of experts' gates", n, width)
    product = tape.new("product of experts", n, width)
    tape.free(both, act)
    return product


def _batched(tape: Tape, step: Step, parts: Experts, weight: int, element: int) -> Buffer:
    """``batched_mm_experts_forward``: the matrices of each token's experts are gathered, then multiplied."""
    mark, rows, width = tape.mark(), step.rows * parts.used, step.width
    tape.new("inputs of experts", rows * parts.hidden, width)
    up = tape.new(
        "copied matrices of gate and up", rows * (1 + parts.gated) * parts.intermediate * parts.hidden, element
    )
    made = _projected(tape, parts, rows, width)
    tape.new("copied matrices of down", rows * parts.intermediate * parts.hidden, element)
    tape.free(up)
    tape.new("outputs of experts", rows * parts.hidden, width)
    tape.free(made)
    tape.new("weighted outputs of experts", rows * parts.hidden, max(width, weight))
    out = tape.new("MLP output", step.rows * parts.hidden, width)
    tape.leave(mark, out)
    return out
