"""``plot frontier DEVICE``: the models that fit, by size and speed; those that no other one beats in both are named."""

from __future__ import annotations

from functools import partial

from llmscale.answers.results.fits import FittingModel
from llmscale.devices.sets import counted
from llmscale.errors import UsageError
from llmscale.pictures.asked import PictureAsked, made_by, plain, short_count
from llmscale.pictures.axes import decades
from llmscale.pictures.kinds.context import on
from llmscale.pictures.picture import Chart, Series, Spot
from llmscale.render.words import Words

takes = "device"


def draw(asked: PictureAsked, say: Words) -> Chart:
    """See the module.

    Raises:
        UsageError: of nothing that fits it is known how fast it is.
    """
    found = on(asked, everything=True)
    known = [line for line in found.models if line.fits and line.tokens_per_second]
    if not known:
        raise UsageError(
            f"How fast models run on {found.device.name} is not known.", "Try llmscale plot context, or another device."
        )
    best = unbeaten(known)
    rest = [line for line in known if line not in best]
    series = (
        Series(say("another is larger and faster"), tuple(map(_spot, rest)), faint=True),
        Series(say("none is larger and faster"), tuple(_spot(line, line.id) for line in best), joined=True),
    )
    device = counted(found.device.name, found.device.count)
    runtimes = dict.fromkeys(f"{line.runtime} {line.release}".strip() for line in known)
    return Chart(
        f"{say('Size and speed')}: {device}",
        decades(say("Tokens per second"), [line.tokens_per_second or 1 for line in known], plain),
        decades(say("Parameters"), [line.parameters for line in known], partial(short_count, say)),
        series,
        (),
        (
            say("Each in the quant that loses least; size is no score."),
            *(say.sentence(told) for told in found.notes),
            made_by(", ".join(runtimes)),
        ),
    )


def unbeaten(lines: list[FittingModel]) -> list[FittingModel]:
    """Those of which none is larger and as fast, or faster and as large; the slowest first."""
    best: list[FittingModel] = []
    for line in sorted(lines, key=lambda line: (-(line.tokens_per_second or 0), -line.parameters)):
        if not best or line.parameters > best[-1].parameters:
            best.append(line)
    return best[::-1]


def _spot(line: FittingModel, label: str = "") -> Spot:
    return Spot(line.tokens_per_second or 0, line.parameters, label)
