"""``plot parts MODEL``: where the parameters sit, a bar for each component."""

from __future__ import annotations

from functools import partial

from llmscale.answers.params import params
from llmscale.errors import UndisclosedError
from llmscale.pictures.asked import PictureAsked, made_by, short_count
from llmscale.pictures.axes import linear
from llmscale.pictures.picture import Bar, Bars
from llmscale.render.words import Words

takes = "model"


def draw(asked: PictureAsked, say: Words) -> Bars:
    """See the module.

    Raises:
        UndisclosedError: the publisher does not say how large it is.
    """
    found = params(asked.subject, catalogue=asked.catalogue)
    count = found.parameters
    if count is None:
        raise UndisclosedError(f"{found.model.name}: {found.disclosure}", f"llmscale params {found.model.id}")
    there = sorted(((size, name) for name, size in count.components.items() if size), reverse=True)
    bars = tuple(
        Bar(say(name).replace("_", " "), (float(size),), f"{say.count(size)}, {size / count.total:.1%}")
        for size, name in there
    )
    title = f"{found.model.name}: {say.count(count.total)}"
    active = "" if count.active == count.total else f" ({say('Active')}: {say.count(count.active)})"
    notes = [say.sentence(told) for told in found.notes]
    source = [f"{say('Hyper-parameters')}: {found.model.source}"] if found.model.source else []
    along = linear(say("Parameters"), [float(there[0][0])], partial(short_count, say), most_ticks=4)
    return Bars(title + active, along, (say("Parameters"),), bars, (), (*notes, *source, made_by()))
