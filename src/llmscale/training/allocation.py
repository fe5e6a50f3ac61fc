"""Laws that say how to share compute without a loss that all sizes have in common, and what serving moves.

Sources: Hoffmann et al. 2022 (arXiv:2203.15556, table 3; approach 2: its exponents and the 63 B of its figure 3,
recalled), Kaplan et al. 2020 (arXiv:2001.08361, N without embeddings), DeepSeek LLM 2024 (arXiv:2401.02954), Llama 3
2024 (arXiv:2407.21783, section 3.2), Sardana et al. 2023 (arXiv:2401.00448).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from math import exp, log

from llmscale.records import NamedTuple
from llmscale.training.scaling import Law

PF_DAY = 8.64e19
#: Parameters, compute, tokens: table 3, what approach 1 gives.
TABLE_3 = (
    (400e6, 1.92e19, 8.0e9),
    (1e9, 1.21e20, 20.2e9),
    (10e9, 1.23e22, 205.1e9),
    (67e9, 5.76e23, 1.5e12),
    (175e9, 3.85e24, 3.7e12),
    (280e9, 9.90e24, 5.9e12),
    (520e9, 3.43e25, 11.0e12),
    (1e12, 1.27e26, 21.2e12),
    (10e12, 1.30e28, 216.2e12),
)


class Allocation(NamedTuple):
    """How one law shares compute; `lowest` and `highest` is the compute that it was fitted on.

    Those of Kaplan and DeepSeek are from memory.
    """

    title: str
    source: str
    share: Callable[[float], tuple[float, float]]
    lowest: float
    highest: float


def table_3(flops: float) -> tuple[float, float]:
    """Between two points of the table as a power of the compute; beyond its ends as between the last two."""
    computes = [row[1] for row in TABLE_3]
    right = min(max(bisect_left(computes, flops), 1), len(TABLE_3) - 1)
    (n0, c0, d0), (n1, c1, d1) = TABLE_3[right - 1], TABLE_3[right]
    way = log(flops / c0) / log(c1 / c0)
    return n0 * (n1 / n0) ** way, d0 * (d1 / d0) ** way


def isoflop(flops: float) -> tuple[float, float]:
    """N as C^0.49 through 63 B at 5.76e23 (from memory); D is what is left of C = 6 N D."""
    n = 63e9 * (flops / 5.76e23) ** 0.49
    return n, flops / 6 / n


def kaplan(flops: float) -> tuple[float, float]:
    """1.3e9 C^0.73 and 2e10 C^0.27, C in PF-days."""
    days = flops / PF_DAY
    return float(1.3e9 * days**0.73), float(2e10 * days**0.27)


def deepseek(flops: float) -> tuple[float, float]:
    """M = 0.1715 C^0.5243 FLOPs a token, a sixth of which are parameters; D = 5.8316 C^0.4757."""
    return float(0.1715 * flops**0.5243 / 6), float(5.8316 * flops**0.4757)


def llama_3(flops: float) -> tuple[float, float]:
    """Tokens as C^0.53 through the paper's own 16.55 T at 3.8e25, which its rounded 0.29 does not return."""
    d = 16.55e12 * (flops / 3.8e25) ** 0.53
    return 402e9 * (flops / 3.8e25) ** (1 - 0.53), d


ALLOCATIONS = {
    "chinchilla-1": Allocation("Chinchilla 1", "arXiv:2203.15556 table 3", table_3, 6e18, 3e21),
    "chinchilla-2": Allocation("Chinchilla 2", "arXiv:2203.15556 table 2, figure 3", isoflop, 6e18, 3e21),
    "deepseek": Allocation("DeepSeek", "arXiv:2401.02954", deepseek, 1e17, 3e20),
    "llama-3": Allocation("Llama 3", "arXiv:2407.21783 section 3.2", llama_3, 6e18, 1e22),
    "kaplan": Allocation("Kaplan (superseded)", "arXiv:2001.08361", kaplan, 0.0, 10 * PF_DAY),
}


def kaplan_loss(n: float, d: float) -> float:
    """The joint fit of Kaplan's L(N, D); n without embeddings."""
    return float(((6.4e13 / n) ** (0.076 / 0.103) + 1.8e13 / d) ** 0.103)


class OverTraining(NamedTuple):
    """Gadre et al. 2024 (arXiv:2403.08540, table 6; recalled): L = E + (a M^eta + b M^-eta) C^-eta, M = D / N.

    20 to 640 tokens a parameter, 11 M to 6.9 B parameters. Its own optimum lies below 20, where nothing was trained.
    """

    title: str
    e: float
    a: float
    b: float
    eta: float

    def loss(self, n: float, d: float) -> float:
        """Loss of `n` parameters after `d` tokens."""
        m, c = d / n, 6 * n * d
        return float(self.e + (self.a * m**self.eta + self.b * m**-self.eta) * c**-self.eta)


OVER_TRAINING = {
    "gadre-c4": OverTraining("Over-training, C4", 1.51, 141, 190, 0.121),
    "gadre-redpajama": OverTraining("Over-training, RedPajama", 1.84, 212, 367, 0.136),
    "gadre-refinedweb": OverTraining("Over-training, RefinedWeb", 1.73, 157, 246, 0.127),
}


def experts_loss(n: float, d: float, granularity: float) -> float:
    """Krajewski et al. 2024 (arXiv:2402.07871; recalled): L = c + (g / G^gamma + a) / N^alpha + b / D^beta.

    N without embeddings, 64 times as many in experts as in a dense block; 129 M to 3.7 B, 16 B to 130 B tokens.
    """
    return float(0.47 + (2.1 / granularity**0.58 + 18.1) / n**0.115 + 30.8 / d**0.147)


def with_serving(law: Law, n: float, d: float, served: float) -> tuple[float, float]:
    """Parameters and tokens of the same loss that cost least when `served` tokens are made too: 6 N D + 2 N served.

    Smaller models need more tokens; the cost has one valley, which is searched by thirds of the logarithm.
    """
    reducible = law.loss(n, d) - law.e
    smallest = (law.a / reducible) ** (1 / law.alpha)

    def tokens(size: float) -> float:
        return float((law.b / (reducible - law.a / size**law.alpha)) ** (1 / law.beta))

    def cost(size: float) -> float:
        return 6 * size * tokens(size) + 2 * size * served

    low, high = log(smallest * 1.0001), log(n * 100)
    for _ in range(200):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if cost(exp(left)) < cost(exp(right)) else (left, high)
    best = exp((low + high) / 2)
    return best, tokens(best)


def turning_point(law: Law, step: float = 0.01) -> float:
    """The compute at which the next `step` of loss costs as much as all before: L(C) - L(2 C) = step."""
    power = law.alpha * law.beta / (law.alpha + law.beta)
    n, d = law.optimum(6.0e20)
    k = (law.loss(n, d) - law.e) * 6.0e20**power
    return float((k * (1 - 2**-power) / step) ** (1 / power))
