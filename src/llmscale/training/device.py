"""From tensors to a device: what a training process holds of a card besides its tensors.

One term stands for the CUDA context, the workspaces of cuBLAS and what the allocator cannot use of its blocks. No
source says it apart, so it was fitted: published peaks of single cards less the tensors of the same step here
(tests/truth/training_published.json; QwenLM's table, axolotl's and ms-swift's examples). `TYPICAL` is their median;
the ends were chosen so that the range holds them, the upper with a share of the tensors that come and go within a step,
which fragment. tests/training/test_device.py measures `ERRORS` again, with each source left out of the median.
"""

from __future__ import annotations

from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import OVERHEAD, WEIGHTS, Part, Usage
from llmscale.units import GIB

TYPICAL = round(1.9 * GIB)
LEAST = round(0.4 * GIB)
SHARE = 0.2
#: What bytes are for, besides those of any runtime.
GRADIENTS, OPTIMIZER, ACTIVATIONS = "gradients", "optimizer", "activations"


class Errors(NamedTuple):
    """Of the published rows: median and worst error of the whole, and how many of how many the range held."""

    median: float
    worst: float
    held: int
    rows: int


ERRORS = Errors(0.052, 0.282, 18, 18)


def overhead(moving: int) -> Quantity:
    """What comes on top of tensors, `moving` of which come and go within a step."""
    return Quantity(TYPICAL, LEAST, TYPICAL + round(SHARE * moving), Basis.MODELLED)


def usage(budget: int, weights: int, states: int, moving: int) -> Usage:
    """A step on one card."""
    return Usage(
        budget,
        (
            Part(WEIGHTS, Quantity.exactly(weights)),
            Part(OPTIMIZER, Quantity.exactly(states)),
            Part(ACTIVATIONS, Quantity.exactly(moving)),
            Part(OVERHEAD, overhead(moving)),
        ),
    )
