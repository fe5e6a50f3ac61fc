"""What a server with a cache made ahead does for several users: how many at once, and what would let more in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.answers.placed import Laid, longest
from llmscale.answers.results.estimate import ServedUsers
from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError
from llmscale.fit.about import About
from llmscale.fit.place import place
from llmscale.fit.question import Question
from llmscale.fit.subject import Model
from llmscale.formats.catalogue import number_format
from llmscale.formats.select import named
from llmscale.notes import Note, note
from llmscale.runtimes.interface import Workload

#: Contexts, in tokens, for which it is said how many run at once.
CONTEXTS = (4096, 8192, 16384, 32768)
#: The cache format that takes half the memory of the usual one.
SMALL_CACHE = "fp8"


def users(one: Laid, about: About) -> Iterator[ServedUsers]:
    """How many requests run at once, by the tokens that each may take; none where no cache is made ahead."""
    for context in CONTEXTS:
        if one.placed.capacity is not None and (about.limit is None or context <= about.limit):
            requests = _requests(one, one.asked._replace(context=context, batch=1))
            if requests is not None:
                yield ServedUsers(context, round(requests, 2))


def _requests(one: Laid, work: Workload, devices: DeviceSet | None = None) -> float | None:
    """How many requests of its context run at once; None where the runtime refuses that."""
    try:
        capacity = place(one.runtime, one.subject, work, devices or one.devices).placed.capacity
    except LlmscaleError:
        return None
    return capacity.at_once if capacity else None


def remedies(one: Laid, model: Model, question: Question) -> Iterator[Note]:
    """What would let all run at once that were asked for, the cheapest first, each with how many it lets.

    Nothing where all do already, where the weights alone are too many, or where memory is not what they wait for; and
    nothing that does not let one run.
    """
    capacity, work = one.placed.capacity, one.asked
    if capacity is None or not capacity.requests or capacity.at_once >= work.batch:
        return
    running = round(capacity.at_once, 1)
    least = max(running, 0.99)
    more = [told for told in _more(one, model, question) if told.values.get("requests", work.batch) > least]
    if more:
        yield note("waiting", requests=running, asked=work.batch, context=work.context)
        yield from more


def _more(one: Laid, model: Model, question: Question) -> Iterator[Note]:
    """What may let in more, each with how many run then."""
    work = one.asked
    small = number_format(SMALL_CACHE)
    if work.kv.size((64,)) > small.size((64,)) and (requests := _requests(one, work._replace(kv=small, kv_v=None))):
        yield note("remedy_kv", requests=round(requests, 1), asked=work.batch)
    context = longest(one, model.about)
    if context:
        yield note("remedy_context", context=context, asked=work.batch)
    yield from _lighter(one, model, question)
    if not one.devices.members:
        count = 2 * one.devices.count
        if requests := _requests(one, work, replace(one.devices, count=count)):
            values = {"count": count, "device": one.devices.id}
            yield note("remedy_devices", requests=round(requests, 1), asked=work.batch, **values)


def _lighter(one: Laid, model: Model, question: Question) -> Iterator[Note]:
    """The next of the runtime's usual formats that takes less."""
    size = model.weights(one.subject.quant).value
    for quant in model.has([named(step) for step in one.runtime.info.steps]):
        if model.weights(quant).value < size:
            other = one._replace(subject=model.subject(quant, one.runtime.info.engine or one.runtime.info.name))
            work = question.work(model.about, quant, [one.devices])
            if requests := _requests(other, work):
                yield note("remedy_quant", requests=round(requests, 1), asked=work.batch, quant=quant.name)
            return
