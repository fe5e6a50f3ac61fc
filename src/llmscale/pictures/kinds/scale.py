"""``plot scale``: the catalogue, parameters against the day of release; what is only rumoured as a range."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from llmscale.answers.lists import list_models
from llmscale.answers.params import params
from llmscale.answers.results.lists import ModelLine
from llmscale.pictures.asked import PictureAsked, made_by, short_count
from llmscale.pictures.axes import Axis, Tick, decades
from llmscale.pictures.picture import Chart, Series, Spot
from llmscale.render.words import Words, words

takes = ""


def draw(asked: PictureAsked, say: Words) -> Chart:
    """See the module."""
    models = sorted(list_models(catalogue=asked.catalogue).models, key=lambda model: model.released)
    known = [model for model in models if model.released and model.parameters]
    named = _largest_so_far(known)
    rumoured = [spot for model in models if model.released and not model.parameters for spot in _rumour(model, asked)]
    groups = {
        say("open weights"): [model for model in known if model.open],
        say("closed, published size"): [model for model in known if not model.open],
    }
    series = [
        Series(name, tuple(_spot(model, model.name if model in named else "") for model in group))
        for name, group in groups.items()
    ]
    series.append(Series(say("not disclosed, range of rumours"), tuple(rumoured)))
    silent = sum(not model.parameters for model in models) - len(rumoured)
    sizes = [float(model.parameters or 1) for model in known] + [spot.high or spot.y for spot in rumoured]
    other = words("en" if say.count(10**8).endswith("亿") else "zh")
    return Chart(
        f"{say('The scale of large models')}: {len(known)}",
        _years([spot.x for one in series for spot in one.spots]),
        decades(say("Parameters"), sizes, partial(short_count, say), partial(short_count, other)),
        tuple(one for one in series if one.spots),
        (),
        (f"{say('Neither disclosed nor rumoured')}: {silent}", say("Sources: llmscale models show MODEL"), made_by()),
    )


def _largest_so_far(models: Sequence[ModelLine]) -> list[ModelLine]:
    """Those that were the largest when they came, and the smallest of all."""
    most, found = 0, []
    for model in models:
        if (model.parameters or 0) > most:
            most = model.parameters or 0
            found.append(model)
    return found[::-1]


def _rumour(model: ModelLine, asked: PictureAsked) -> list[Spot]:
    """The range of what was claimed; nothing where nobody did."""
    claimed = params(model.id, catalogue=asked.catalogue).rumours
    if not claimed:
        return []
    low, high = min(rumour.low for rumour in claimed), max(rumour.high for rumour in claimed)
    return [Spot(_year(model.released), (low * high) ** 0.5, model.name, low, high)]


def _spot(model: ModelLine, label: str) -> Spot:
    return Spot(_year(model.released), float(model.parameters or 0), label)


def _year(released: str) -> float:
    """``2023-07`` and ``2023-07-18`` as years; a year alone is its middle."""
    year, month, day = (*map(int, released.split("-")), 0, 0)[:3]
    return year + ((month - 1 + (day - 1 if day else 15) / 31) / 12 if month else 0.5)


def _years(values: Sequence[float]) -> Axis:
    first, last = int(min(values)), int(max(values)) + 1
    return Axis("", first, last, tuple(Tick(year, str(year)) for year in range(first, last + 1)))
