"""What a question says of host memory: options that may leave weights there, and the RAM that is named for them."""

from __future__ import annotations

from llmscale.fit.question import Question
from llmscale.formats.recipe import Quant
from llmscale.runtimes.registry import infos
from llmscale.runtimes.registry import runtime as find_runtime

#: The kind of an option that says how much RAM there is, and not what lies there.
RAM = "ram"


def without_offloading(question: Question) -> Question:
    """The question without the options that may leave weights in host memory, unless its runtime does so by itself."""
    if question.runtime and find_runtime(question.runtime).info.offloads:
        return question
    moving = {option.name for info in infos() for option in info.options if option.offloads}
    return question._replace(options=tuple(given for given in question.options if given[0] not in moving))


def beside_ram(question: Question) -> bool:
    """Whether RAM is named beside devices, and nothing says what of the weights is to lie there."""
    given = {name for name, _ in question.options}
    kinds = {option.kind for info in infos() for option in info.options if option.offloads and option.name in given}
    return kinds == {RAM}


def offloads(question: Question, quant: Quant) -> bool:
    """Whether the runtime leaves weights in host memory by itself, or may by an option that is given."""
    if question.runs(quant).info.offloads:
        return True
    if not question.options:
        return False
    given = {name for name, _ in question.options}
    return any(option.offloads and option.name in given for option in question.runs(quant).info.options)
