"""``plot users MODEL --gpu DEVICE``: how many sequences fit at once, against the context of each."""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.pictures.asked import MOST_LINES, PictureAsked, made_by, plain, tokens_label
from llmscale.pictures.axes import decades, doublings
from llmscale.pictures.kinds.memory import USUAL, answers_by_context
from llmscale.pictures.picture import Chart, Series, Spot
from llmscale.render.words import Words

takes = "model on device"


def draw(asked: PictureAsked, say: Words) -> Chart:
    """See the module.

    Raises:
        UsageError: not one sequence fits, or more formats than can be told apart.
    """
    answers = answers_by_context(asked, asked.quants or (() if asked.runtime else USUAL))
    first = answers[0]
    names = [line.quant for line in first.estimates if line.devices]
    if len(names) > MOST_LINES:
        raise UsageError(f"More than {MOST_LINES} lines cannot be told apart.", "Name fewer with --quant.")
    series = []
    for name in names:
        spots = tuple(
            Spot(answer.context, line.devices[0].max_batch or 0)
            for answer in answers
            for line in answer.estimates
            if line.quant == name and line.devices and line.devices[0].max_batch
        )
        if spots:
            series.append(Series(name.upper(), spots, joined=True))
    if not series:
        raise UsageError(
            f"{first.model.name} does not fit {asked.gpu} in {', '.join(names)}.", "Name a smaller --quant."
        )
    notes = dict.fromkeys(say.sentence(told) for answer in answers for told in answer.notes)
    runtimes = dict.fromkeys(f"{line.runtime} {line.release}".strip() for line in first.estimates)
    missing = [name.upper() for name in names if name.upper() not in [one.name for one in series]]
    return Chart(
        f"{say('Users at once')}: {first.model.name}, {asked.gpu}",
        doublings(say("Context of each, tokens"), [answer.context for answer in answers], tokens_label),
        decades(say("Sequences"), [spot.y for one in series for spot in one.spots], plain),
        tuple(series),
        (),
        (*notes, *([f"{say('Does not fit')}: {', '.join(missing)}"] if missing else []), made_by(", ".join(runtimes))),
    )
