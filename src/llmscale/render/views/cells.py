"""Cells that several views share: sizes with their basis, counts, yes and no."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor

from llmscale.answers.results.common import LossRef
from llmscale.fit.largest import LONGEST
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.render.report import Cell, whole
from llmscale.render.words import Words
from llmscale.units import GIB, format_gib


def gib(value: int, basis: str = Basis.EXACT.value, spread: tuple[int, int] | None = None) -> Cell:
    """Bytes in GiB, ``~`` before what is not exact, its range behind it."""
    mark = "" if basis == Basis.EXACT.value else "~"
    tail = f" ({_two_digits(spread[0])}-{_two_digits(spread[1])})" if spread else ""
    return Cell(value, f"{mark}{format_gib(value)}{tail}")


def used(value: int, ends: tuple[int, int], open_: bool) -> Cell:
    """What lies on devices; with its range where that leaves the verdict open."""
    spread = f" ({'-'.join(between(ends))})" if open_ and ends[0] < ends[1] else ""
    return Cell(value, f"~{format_gib(value)}{spread}")


def between(ends: tuple[int, int]) -> tuple[str, str]:
    """A range in GiB with as few digits as say it, which lies about the true one."""
    steps = [10 ** (0 if size >= 10 * GIB else 1 if size >= GIB else 2) for size in ends]
    low, high = floor(ends[0] / GIB * steps[0]) / steps[0], ceil(ends[1] / GIB * steps[1]) / steps[1]
    return f"{low:g}", f"{high:g}"


def longest(context: int | None) -> Cell:
    """A context; nothing bounds a recurrent model's."""
    return Cell(context, "any") if context is not None and context >= LONGEST else whole(context)


def gib_range(value: int, spread: tuple[int, int]) -> Cell:
    """Bytes in GiB as a bare range."""
    return Cell(value, f"~{_two_digits(spread[0])}-{_two_digits(spread[1])}")


def _two_digits(size: int) -> str:
    """GiB with two significant digits or a little more, which is all that a range knows."""
    gibs = size / GIB
    return format_gib(size, 0 if gibs >= 10 else 1 if gibs >= 1 else 2)


def counted(value: int | None, say: Words, basis: str = Basis.EXACT.value) -> Cell:
    """A number of parameters, ``~`` before one that is only reported or rumoured; a bare size is what it says."""
    mark = "~" if basis in (Basis.REPORTED.value, Basis.RUMOURED.value) and value is not None else ""
    return Cell(value, mark + say.count(value))


def answer(fits: bool, may_fit: bool, say: Words, limited: bool = False) -> Cell:
    """Yes, no, or maybe where a range lies on both sides; with a star where something besides memory is to be read."""
    if fits:
        return Cell(True, say("yes") + "*" * limited, "yellow" if limited else "green")
    if may_fit:
        return Cell(False, "~" + say("maybe"), "yellow")
    return Cell(False, say("no") + "*" * limited, "red")


#: Below tables that show what a quant loses.
LOSS_NOTE = (
    "Loss %: rise of perplexity against 16 bits; ~ as measured on Llama 3 8B, which others lose more or less than; a "
    "dash where nobody published it."
)


def loss(found: LossRef | None) -> Cell:
    """What a quant loses; a dash where nobody measured it."""
    if found is None:
        return Cell(None, "-")
    mark = "" if found.own else "~"
    return Cell(
        found.percent, f"{mark}{found.percent:.2g}" if abs(found.percent) < 10 else f"{mark}{found.percent:.0f}"
    )


#: What a rise of perplexity below so many per cent is called, and what from the last on; no measurement, but a way to
#: say one: Q8_0 and Q6_K lose nothing that anybody notices, Q4_K_M little, Q3_K_M enough to see it.
LOSSES = ((0.5, "none"), (3.0, "small"), (10.0, "visible"))
HEAVY = LOSSES[-1][0]


def loss_word(found: LossRef | None, say: Words) -> Cell:
    """What a quant loses, in a word; ``~`` where it was measured on another model."""
    if found is None:
        return Cell(None, "-")
    told = next((word for below, word in LOSSES if found.percent < below), "heavy")
    style = {"visible": "yellow", "heavy": "red"}.get(told, "")
    return Cell(told, ("" if found.own else "~") + say(told), style)


def losses_told(found: Iterable[LossRef | None]) -> Note | None:
    """What the words of a column of losses mean; None where it has none."""
    losses = [loss for loss in found if loss]
    return note("loss_words", own=all(loss.own for loss in losses)) if losses else None


def pace(tokens: float | None) -> Cell:
    """Tokens a second, thousands as k, with the two digits that they deserve."""
    if tokens is None:
        return Cell(None, "-")
    if tokens >= LEAST_K:
        return Cell(tokens, f"~{_digits(tokens / 1000, 2)}k")
    return Cell(tokens, f"~{_digits(tokens, 2)}")


#: What is a thousand with two digits.
LEAST_K = 995


def _digits(value: float, count: int) -> str:
    """So many significant digits of a number, and never an exponent."""
    rounded = float(f"{value:.{count - 1}e}")
    return f"{rounded:.10f}".rstrip("0").rstrip(".")


def pace_range(ends: tuple[float, float] | None) -> Cell:
    """Between which the truth lies 95 times in 100."""
    if ends is None:
        return Cell(None, "")
    low, high = (pace(end).text.removeprefix("~") for end in ends)
    return Cell(ends, f"{low}\u2013{high}")


def wait(seconds: float | None) -> Cell:
    """Seconds to the first token, with the two digits that they deserve."""
    if seconds is None:
        return Cell(None, "-")
    return Cell(seconds, f"~{_digits(seconds, 2)} s" if seconds < 100 else f"~{seconds / 60:.0f} min")


#: What takes no less is shown in seconds.
LEAST_SECONDS = 0.995


def delay(seconds: float) -> Cell:
    """A short time, in milliseconds below a second."""
    return Cell(seconds, f"~{_digits(seconds * 1000, 2)} ms") if seconds < LEAST_SECONDS else wait(seconds)


def delay_range(ends: tuple[float, float]) -> Cell:
    """Between which a time lies 95 times in 100."""
    low, high = (delay(end).text.removeprefix("~") for end in ends)
    return Cell(ends, f"{low}\u2013{high}")


def commands(lines: Iterable[tuple[str, str | None]]) -> list[str]:
    """What to type for each; nothing is said of what there is no line for."""
    return [f"{what}: {command}" for what, command in lines if command]


def for_yours(typed: Iterable[str], say: Words) -> list[str]:
    """That a file which such lines name stands for the user's own."""
    named = any(".gguf" in line or " ./" in line for line in typed)
    return [say.sentence(note("stands_for_yours"))] if named else []
