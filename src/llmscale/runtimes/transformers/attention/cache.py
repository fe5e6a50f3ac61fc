"""What one layer keeps of its tokens: ``DynamicLayer``, ``DynamicSlidingWindowLayer``, ``StaticLayer``.

After ``cache_utils.py``. Everything here counts tokens of one sequence, but for `grown`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Buffer, Tape


def stored(window: int | None, step: Step) -> int:
    """Tokens of one sequence whose K and V a layer has stored before the step.

    A window keeps one token less than it is wide, as a view of all that it was cut from: after the prompt of all of it,
    later of one step's concatenation.
    """
    if window and not step.first:
        return min(step.past, window)
    return step.past


def seen(window: int | None, step: Step) -> int:
    """Tokens of one sequence whose K and V the step's attention is given; of a static cache those to come too."""
    if step.static and (step.past or not window or step.seen <= min(step.static, window)):
        return kept(window, step)
    return (min(step.past, window - 1) if window else step.past) + step.tokens


def kept(window: int | None, step: Step) -> int:
    """Tokens of one sequence that the step leaves memory for: a dynamic cache is what attention was given."""
    if step.static:
        return min(step.static, window) if window else step.static
    return seen(window, step)


def grown(
    tape: Tape, step: Step, window: int | None, size: tuple[int, int], new: Iterable[Buffer]
) -> tuple[Buffer, Buffer]:
    """K and V with those of the step: a static cache takes them up in place, others by ``torch.cat``.

    Args:
        size: elements of one token's K and of its V.
        new: those of the step, which go.
    """
    keys, values = (_written if step.static else _concatenated)(tape, step, window, size)
    # Attention is given K and V of a prompt that is longer than a static window, not the window.
    if not step.static or seen(window, step) <= kept(window, step):
        tape.free(*new)
    return keys, values


def _written(tape: Tape, step: Step, window: int | None, size: tuple[int, int]) -> tuple[Buffer, Buffer]:
    rows = kept(window, step)
    keys = tape.new("cached K", step.batch * rows * size[0], step.width)
    values = tape.new("cached V", step.batch * rows * size[1], step.width)
    if window and step.past >= rows:
        mark = tape.mark()
        for name, n in zip("KV", size, strict=True):
            tape.new(f"{name} moved on", step.batch * rows * n, step.width)
        tape.leave(mark)
    return keys, values


def _concatenated(tape: Tape, step: Step, window: int | None, size: tuple[int, int]) -> tuple[Buffer, Buffer]:
    """A full layer lets go of the old K before it makes the new V; one with a window makes both first."""
    rows, old = kept(window, step), stored(window, step)
    before = []
    if old:
        before = [
            tape.new(f"{name} cached before", step.batch * old * n, step.width)
            for name, n in zip("KV", size, strict=True)
        ]
    keys = tape.new("cached K", step.batch * rows * size[0], step.width)
    if not window:
        tape.free(*before[:1])
    values = tape.new("cached V", step.batch * rows * size[1], step.width)
    tape.free(*before)
    return keys, values
