"""What to type next, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from llmscale.render.words import Words

#: What a line of `QUESTIONS`, or of what is asked where there is a GPU, asks.
ASKED = {
    "run": "What can I run on a card?",
    "fit": "Does a model fit, how fast?",
    "need": "Which card does a model need?",
    "all": "All that runs here:",
    "one": "How to run the first:",
    "word": "What that quant is:",
    "formats": "Which formats fit:",
    "ram": "With the rest in RAM:",
}


def asked(questions: Iterable[tuple[str, str]], say: Words) -> list[str]:
    """A line each: what is asked, and what to type."""
    told = [(say(ASKED[what]), command) for what, command in questions]
    widest = max((cell_len(what) for what, _ in told), default=0)
    return [f"{what}{' ' * (widest - cell_len(what))}  {command}" for what, command in told]


def three_questions(say: Words) -> list[str]:
    """What to ask where there is no GPU."""
    from llmscale.answers.start import QUESTIONS

    return asked(QUESTIONS.items(), say)


def typed(lines: Sequence[str], say: Words) -> Iterator[str]:
    """Lines to try."""
    first = say("Try:")
    for at, line in enumerate(lines):
        yield f"{first if not at else ' ' * cell_len(first)} {line}"
