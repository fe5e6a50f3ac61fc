"""``plot roofline MODEL --gpu DEVICE``: FLOPs a byte of decode and prefill, below what the device does at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmscale.answers.roofline import RooflineResult, RoofPoint, roofline
from llmscale.errors import UsageError
from llmscale.pictures.asked import PictureAsked, made_by, plain, tokens_label
from llmscale.pictures.axes import Axis, decades
from llmscale.pictures.picture import Chart, Series, Spot
from llmscale.render.words import Words

takes = "model on device"
TERA, GIGA = 1e12, 1e9


def draw(asked: PictureAsked, say: Words) -> Chart:
    """See the module.

    Raises:
        UsageError: several formats, or what `roofline` refuses.
    """
    if len(asked.quants) > 1:
        raise UsageError("plot roofline is of one format.", "Name one with --quant.")
    found = roofline(
        asked.subject,
        asked.gpu or "",
        *asked.quants,
        context=asked.context,
        kv_dtype=asked.kv_dtype,
        runtime=asked.runtime,
        reserve=asked.reserve,
        options=asked.options,
        catalogue=asked.catalogue,
    )
    points, roof = (*found.decode, *found.prefill), found.roof
    x = decades(say("FLOP for each byte read"), [*(point.per_byte for point in points), roof.ridge * 2], plain)
    ends = Spot(x.low, roof.at(x.low) / TERA), Spot(roof.ridge, roof.flops / TERA), Spot(x.high, roof.flops / TERA)
    series = (
        Series(say("At most, by the datasheet"), ends, joined=True),
        _series(say("Decode, by sequences at once"), found.decode, plain, say),
        _series(say("Prefill, by tokens of the prompt"), found.prefill, tokens_label, say),
    )
    shown = tuple(one for one in series if one.spots)
    return Chart(
        f"{say('Roofline')}: {found.model.name}, {found.quant.upper()}, {found.device}",
        x,
        _rates([spot.y for one in shown for spot in one.spots], say),
        shown,
        (),
        _caption(found, say),
    )


def _rates(values: Sequence[float], say: Words) -> Axis:
    return decades(say("TFLOP a second"), values, plain)


def _series(name: str, points: Sequence[RoofPoint], label: Callable[[float], str], say: Words) -> Series:
    """What is reached of it; where no speed is modelled what is possible, and that is said."""
    modelled = all(point.reached is not None for point in points)
    spots = tuple(
        Spot(
            point.per_byte, (point.reached if modelled and point.reached else point.possible) / TERA, label(point.many)
        )
        for point in points
    )
    told = "modelled" if modelled else "possible; no speed is modelled"
    return Series(f"{name} ({say(told)})", spots)


def _caption(found: RooflineResult, say: Words) -> tuple[str, ...]:
    roof = found.roof
    return (
        say.phrase(
            f"{found.device} reads {roof.bytes / GIGA:,.0f} GB and multiplies {roof.flops / TERA:,.1f} TFLOP a second; "
            f"below {roof.ridge:,.0f} FLOP for each byte reading takes the time."
        ),
        say.phrase(f"Decode with {found.context:,} tokens in the cache of each sequence, KV {found.kv_dtype.upper()}."),
        say.phrase("Multiplying in 8 bits can be faster than this roof, which is that of FP16."),
        *(say.sentence(told) for told in found.notes),
        made_by(found.runtime, found.release),
    )
