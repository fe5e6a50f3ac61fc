"""The quants of one runtime from the least loss to the most: the steps that somebody goes down until a model fits."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.formats.catalogue import quants
from llmscale.formats.quality import loss, losses
from llmscale.formats.recipe import Quant

#: Wider than any model is published or run in: never worth a step.
WIDEST = 16


#: A rise of perplexity, in per cent, from which on a model is hardly itself: twice as surprised by the same text.
RUINED = 100.0
#: Bits from which on a quant is offered although nobody published its loss.
UNMEASURED = 4


#: A rise of perplexity, in per cent, up to which a quant is worth using without a second thought: of llama.cpp's
#: presets IQ4_XS (3.6) is within it, Q3_K_M (8.0) is not. A choice, not a measurement.
FLOOR = 5.0


def above_floor(quant: Quant, model: str) -> bool:
    """Whether `model` is hardly worse in a quant: published so, or with a loss up to `FLOOR`; unknown ones by bits."""
    found = loss(quant.id, model)
    return bool(quant.keeps) or (found.percent <= FLOOR if found else quant.bits >= UNMEASURED)


def ladder(runtime: str) -> list[Quant]:
    """The quants of `runtime` that one would choose from, the better first.

    Those of at most 16 bits that some program reads, that are not meant for models of a special kind, nor ruin the
    reference model; below four bits only those of which somebody published the loss. A runtime that has none of its own
    takes those that it reads.
    """
    known, every = losses(), list(quants())
    own = [quant for quant in every if quant.runtime == runtime]
    return by_quality(
        quant
        for quant in own or [quant for quant in every if runtime in quant.readers]
        if quant.readers
        and quant.bits <= WIDEST
        and not quant.meant_for
        and (known[quant.id].percent <= RUINED if quant.id in known else quant.bits >= UNMEASURED)
    )


def originals(runtime: str) -> tuple[Quant, ...]:
    """The quants that `runtime` reads and that keep the tensors of checkpoints that are published quantised."""
    return tuple(quant for quant in quants() if quant.keeps and runtime in (quant.runtime, *quant.readers))


def by_quality(steps: Iterable[Quant]) -> list[Quant]:
    """The better first: by the loss on the reference model, and by bits those of which nobody measured it.

    Plain widths have no loss of their own; between two whose loss is known a third goes by its bits.
    """
    known = losses()
    ranked = sorted(steps, key=lambda quant: -quant.bits)
    measured = sorted((quant for quant in ranked if quant.id in known), key=lambda quant: known[quant.id].percent)
    places = iter(measured)
    return [next(places) if quant.id in known else quant for quant in ranked]
