"""Scaling laws: what loss a size and a number of tokens give, and how to share compute between them.

N counts all parameters and C = 6 N D, except where a law says otherwise. Losses of two laws are not comparable: their
tokenisers and data differ.
"""

from __future__ import annotations

from math import exp

from llmscale.records import NamedTuple


class Law(NamedTuple):
    """``L = E + A / N^alpha + B / D^beta``, and the sizes, tokens and compute that it was fitted on.

    Attributes:
        sizes, tokens: lowest and highest that were trained.
    """

    title: str
    source: str
    e: float
    a: float
    b: float
    alpha: float
    beta: float
    sizes: tuple[float, float]
    tokens: tuple[float, float]

    def loss(self, n: float, d: float) -> float:
        """Loss of `n` parameters after `d` tokens."""
        return float(self.e + self.a / n**self.alpha + self.b / d**self.beta)

    def optimum(self, flops: float) -> tuple[float, float]:
        """Parameters and tokens that make the most of `flops`: where both terms fall equally fast (equation 4)."""
        both = self.alpha + self.beta
        g = (self.alpha * self.a / (self.beta * self.b)) ** (1 / both)
        n = g * (flops / 6) ** (self.beta / both)
        return n, flops / 6 / n

    def tokens_for(self, n: float) -> float:
        """Tokens at which `n` parameters are the best use of the compute."""
        g, _ = self.optimum(6.0)  # at N D = 1 the optimum is G
        return float((n / g) ** (self.alpha / self.beta)) / g

    def covers(self, n: float, d: float) -> bool:
        """Whether the law was fitted on sizes and tokens around these."""
        return self.sizes[0] <= n <= self.sizes[1] and self.tokens[0] <= d <= self.tokens[1]


#: Of both: 70 M to 16 B parameters, 5 B to 500 B tokens, MassiveText (Hoffmann et al. 2022, section 3.2).
_SIZES, _TOKENS = (70e6, 16e9), (5e9, 5e11)
#: The default first.
LAWS = {
    "besiroglu": Law("Refit of 2024", "arXiv:2404.10102", 1.8172, 482.01, 2085.43, 0.3478, 0.3658, _SIZES, _TOKENS),
    "chinchilla-3": Law("Chinchilla 3", "arXiv:2203.15556 eq. 10", 1.69, 406.4, 410.7, 0.34, 0.28, _SIZES, _TOKENS),
}
#: Epochs after which the value of repeated tokens has fallen to 1/e: Muennighoff et al. 2023, arXiv:2305.16264, app. A.
REPEATS = 15.387756


def effective_tokens(tokens: float, unique: float) -> float:
    """What `tokens` are worth in fresh ones when only `unique` differ (equation 5)."""
    if tokens <= unique:
        return tokens
    repeats = tokens / unique - 1
    return unique + unique * REPEATS * (1 - exp(-repeats / REPEATS))
