"""Mixtures of experts: ``integrations/moe.py``, and ``Llama4TextMoe``.

``grouped_mm`` for the prompt, and for each token after it ``batched_mm``, which copies the weights of every expert that
a token is sent to (``_optimize_model_for_decode`` in ``generation/utils.py``).
"""

from __future__ import annotations

from llmscale.model.classes.style import Habit
from llmscale.runtimes.transformers.mlp import gated
from llmscale.runtimes.transformers.ops import FP32, INT64, Step
from llmscale.runtimes.transformers.parts import RoutedExperts
from llmscale.runtimes.transformers.tape import Buffer, Tape

INT32 = 4


def mixture(tape: Tape, step: Step, experts: RoutedExperts, style: Habit) -> Buffer:
    """Router, routed experts, and the shared expert before or after them."""
    if style.dense_experts:
        return _dense(tape, step, experts)
    mark, n, width = tape.mark(), step.rows, step.width
    weight = FP32 if style.routed_in_fp32 else width
    shared = None
    if experts.shared and style.shared_first:
        shared = _shared(tape, step, experts)
    if style.router_in_fp32 and width != FP32:
        # The router's own copies of hidden states and its matrix in FP32.
        tape.free(tape.new("hidden states in FP32", n * experts.hidden, FP32))
    tape.new("router logits", n * experts.number, FP32 if style.router_in_fp32 else width)
    tape.new("chosen experts", n * experts.used, INT64)
    tape.new("routing weights", n * experts.used, weight)
    copied = step.copied_experts if step.past else 0
    routed = _batched(tape, step, experts, weight, copied) if copied else _grouped(tape, step, experts, weight)
    if experts.shared and not shared:
        shared = _shared(tape, step, experts)
    if shared:
        routed = tape.new("MLP output", n * experts.hidden, width)
    tape.leave(mark, routed)
    return routed


def _shared(tape: Tape, step: Step, experts: RoutedExperts) -> Buffer:
    return gated(tape, step, experts.hidden, experts.shared, experts.fused_shared, "shared expert's ")


def _dense(tape: Tape, step: Step, experts: RoutedExperts) -> Buffer:
    """``Llama4TextMoe.forward``: each token once for every expert, those that it is not sent to scaled by nothing."""
    mark, n, width = tape.mark(), step.rows, step.width
    rows = n * experts.number
    tape.new("router logits", rows, width)
    tape.new("router scores", rows, width)
    repeated = tape.new("inputs of all experts", rows * experts.hidden, width)
    tape.new("scaled inputs of all experts", rows * experts.hidden, width)
    tape.free(repeated)
    inner, each = tape.mark(), rows * experts.intermediate
    tape.new("gate and up of all experts", 2 * each, width)
    act = tape.new("activation of all experts' gates", each, width)
    product = tape.new("product of all experts", each, width)
    tape.free(act)
    routed = tape.new("outputs of all experts", rows * experts.hidden, width)
    tape.free(product)
    tape.leave(inner, routed)
    out = _shared(tape, step, experts)
    tape.new("sum of all experts", n * experts.hidden, width)
    tape.leave(mark, out)
    return out


def _grouped(tape: Tape, step: Step, experts: RoutedExperts, weight: int) -> Buffer:
    """``grouped_mm_experts_forward``: each token once for every expert that it is sent to, sorted by expert."""
    mark, rows, width = tape.mark(), step.rows * experts.used, step.width
    tape.new("sorted experts", rows, INT64)
    tape.new("order of rows", rows, INT64)
    index = tape.new("rows of tokens", rows, INT64)
    tape.new("inputs of experts", rows * experts.hidden, width)
    tape.free(index)
    tape.new("sorted weights", rows, weight)
    tape.new("sorted experts in INT32", rows, INT32)
    made = _projected(tape, experts, rows, width)
    if experts.stacked:
        tape.new("biases of down", rows * experts.hidden, width)
    tape.new("outputs of experts", rows * experts.hidden, width)
    tape.free(made)
    wide = max(width, weight)
    weighted = tape.new("weighted outputs of experts", rows * experts.hidden, wide)
    tape.new("order back", rows, INT64)
    tape.new("outputs in order of tokens", rows * experts.hidden, wide)
    tape.free(weighted)
    out = tape.new("MLP output", step.rows * experts.hidden, wide)
    if wide != width:
        narrow = tape.new("MLP output", step.rows * experts.hidden, width)
        tape.free(out)
        out = narrow
    tape.leave(mark, out)
    return out


def _projected(tape: Tape, experts: RoutedExperts, rows: int, width: int) -> Buffer:
    """What goes into the experts' last matrix."""
    n = rows * experts.intermediate
    if experts.stacked:
        return _stacked(tape, n, width)
    if not experts.gated:
        up = tape.new("up of experts", n, width)
        act = tape.new("activation of experts", n, width)
        tape.free(up)
        return act
    both = tape.new("gate and up of experts", 2 * n, width)
    act = tape.new("activation of experts' gates", n, width)
    product = tape.new("product of experts", n, width)
    tape.free(both, act)
    return product


def _stacked(tape: Tape, n: int, width: int) -> Buffer:
    """gpt-oss's: both sides with biases and clamped, the gate by a sigmoid of its own."""
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


def _batched(tape: Tape, step: Step, experts: RoutedExperts, weight: int, element: int) -> Buffer:
    """``batched_mm_experts_forward``: the matrices of each token's experts are gathered, then multiplied."""
    mark, rows, width = tape.mark(), step.rows * experts.used, step.width
    tape.new("inputs of experts", rows * experts.hidden, width)
    matrix = experts.intermediate * experts.hidden
    up = tape.new("copied matrices of gate and up", rows * (1 + experts.gated) * matrix, element)
    made = _projected(tape, experts, rows, width)
    tape.new("copied matrices of down", rows * matrix, element)
    tape.free(up)
    tape.new("outputs of experts", rows * experts.hidden, width)
    tape.free(made)
    tape.new("weighted outputs of experts", rows * experts.hidden, max(width, weight))
    out = tape.new("MLP output", step.rows * experts.hidden, width)
    tape.leave(mark, out)
    return out
