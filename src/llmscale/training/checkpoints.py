"""Which layers are run again on the way back, as ``--checkpointing`` says it.

Sources: transformers 5.24.0 ``modeling_utils.py`` (``every_n_layers``: the first layer of each so many is run again),
torchtune 0.6.1 ``training/activations.py`` (the last of each so many: as many, where they divide the layers);
torchtitan 0.3.0 ``distributed/activation_checkpoint.py`` (``SelectiveAC``: by operation).
"""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.records import NamedTuple

EVERY = "every:"
LARGEST = 10_000


class Checkpoints(NamedTuple):
    """`every`: the first of so many layers is run again, of 0 none; `selective`: but for results that cost much."""

    every: int
    selective: bool = False


WORDS = {"none": Checkpoints(0), "full": Checkpoints(1), "selective": Checkpoints(1, selective=True)}


def checkpoints(text: str) -> Checkpoints:
    """What the word means.

    Raises:
        UsageError: it is none.
    """
    if text in WORDS:
        return WORDS[text]
    number = text.removeprefix(EVERY)
    if text.startswith(EVERY) and number.isascii() and number.isdecimal() and 1 <= int(number[:6]) <= LARGEST:
        return Checkpoints(int(number[:6]))
    raise UsageError(f"--checkpointing {text[:40]} is not known.", f"One of: {', '.join(WORDS)}, {EVERY}2.")
