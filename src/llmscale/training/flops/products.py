"""FLOPs of one matrix product and of one attention, forward and backward; a multiply-add counts 2.

Source: torch 2.13.0 ``utils/flop_counter.py`` (``mm_flop``, ``sdpa_flop_count``, ``sdpa_backward_flop_count``: a flash
kernel's backward makes the scores once more). What autograd leaves out: a gradient that nobody asked for.
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class Cost(NamedTuple):
    """FLOPs of forward and backward, and of the last product of forward alone."""

    forward: int = 0
    backward: int = 0
    last: int = 0


class Training(NamedTuple):
    """How one module takes part: whether its own weight is trained, and the rank of an adapter on it (0: none)."""

    weight: bool
    rank: int = 0

    @property
    def any(self) -> bool:
        """Whether anything of it is trained."""
        return self.weight or self.rank > 0


def linear(rows: int, inputs: int, outputs: int, how: Training, live: bool) -> Cost:
    """``y = xW`` over `rows`, with LoRA's ``y += xAB`` beside it.

    Args:
        live: whether x needs a gradient.
    """
    weight = 2 * rows * inputs * outputs
    a = 2 * rows * inputs * how.rank
    b = 2 * rows * how.rank * outputs
    forward = weight + a + b
    backward = live * weight + how.weight * weight  # of x, of W
    backward += live * a + a  # of x through A, of A
    backward += b + b  # of xA, of B
    return Cost(forward, backward, b if how.rank else weight)


class Heads(NamedTuple):
    """The two products of attention: heads, widths of a query and of a value, tokens that ask and that are asked; with
    `causal` half of them."""

    batch: int
    heads: int
    query: int
    value: int
    asking: int
    asked: int
    causal: bool = False

    @property
    def scores(self) -> int:
        """Of the queries with the keys."""
        return 2 * self.batch * self.heads * self.asking * self.asked * self.query // (1 + self.causal)

    @property
    def mixed(self) -> int:
        """Of the probabilities with the values."""
        return 2 * self.batch * self.heads * self.asking * self.asked * self.value // (1 + self.causal)


def attention(heads: Heads, flash: bool, q: bool, k: bool, v: bool) -> Cost:
    """Both products; `q`, `k`, `v` need a gradient or do not. A flash kernel makes all three or none."""
    forward = heads.scores + heads.mixed
    if flash:
        again = heads.scores
        gradients = heads.mixed + heads.mixed + heads.scores + heads.scores  # of p, v, q, k
        return Cost(forward, (again + gradients) * (q or k or v))
    backward = heads.mixed * (q or k) + heads.mixed * v  # of the probabilities, of v
    backward += heads.scores * q + heads.scores * k
    return Cost(forward, backward)
