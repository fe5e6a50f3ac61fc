"""``plot context DEVICE``: the longest context of the models that fit, each in the quant that loses least."""

from __future__ import annotations

from llmscale.answers.fits import fits
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.devices.sets import counted
from llmscale.errors import UsageError
from llmscale.fit.largest import LONGEST
from llmscale.pictures.asked import MOST_BARS, PictureAsked, made_by, plain
from llmscale.pictures.axes import linear
from llmscale.pictures.picture import Bar, Bars
from llmscale.render.words import Words

takes = "device"


def draw(asked: PictureAsked, say: Words) -> Bars:
    """See the module.

    Raises:
        UsageError: nothing fits.
    """
    found = on(asked)
    rows = [line for line in found.models if line.fits and line.max_context and line.max_context < LONGEST][:MOST_BARS]
    if not rows:
        raise UsageError(f"Nothing fits {found.device.name} with a context that has an end.", "Try a larger device.")
    bars = tuple(
        Bar(f"{line.id} {line.quant.upper()}", (float(line.max_context or 0),), f"{line.max_context:,}")
        for line in rows
    )
    device = counted(found.device.name, found.device.count)
    return Bars(
        f"{say('Max context')}: {device}",
        linear(say("Context, tokens"), [float(line.max_context or 0) for line in rows], plain, most_ticks=4),
        (say("Max context"),),
        bars,
        (),
        (
            *(say.sentence(told) for told in found.notes),
            made_by(", ".join(dict.fromkeys(f"{line.runtime} {line.release}".strip() for line in rows))),
        ),
    )


def on(asked: PictureAsked, everything: bool = False) -> FitsResult:
    """What the device takes."""
    found = fits(
        asked.subject,
        context=asked.context,
        batch=asked.batch,
        kv_dtype=asked.kv_dtype,
        quants=asked.quants,
        runtime=asked.runtime,
        reserve=asked.reserve,
        options=asked.options,
        everything=everything,
        catalogue=asked.catalogue,
    )
    return found.devices[0] if isinstance(found, FitsOverview) else found
