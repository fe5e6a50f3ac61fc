"""How long a step of a layout takes: products at the kernels' share of a rate, the bubble, and what is not hidden.

Each term is a transfer over a bandwidth or FLOPs over a rate, no latency. Products: 6 FLOPs a parameter and token, half
the square of scores, a third more when layers are run again. Bubble: (PP - 1) / (micro-batches x VP). TP: two gathers
and two scatters of the hidden state a layer each way, none hidden. DP: hidden behind the last micro-batch's backward;
ZeRO 3 gathers twice and scatters once for each micro-batch, hidden behind its products. CP: keys and values pass round
once each way, hidden behind scores. EP: tokens there and back each way, none hidden.

`KERNELS` was fitted: the median of what published steps in bf16 reach of what these terms leave, MPT's table
and torchtitan's and one of Megatron's; tests/training/parallel/test_pace.py measures how far off the rate is then.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.training.parallel.kept import FP32, HALF
from llmscale.training.parallel.layout import Batch, Layout
from llmscale.training.parallel.sizes import Sizes

KERNELS = 0.42


class Errors(NamedTuple):
    """Of the rate of how many published rows: median error."""

    median: float
    rows: int


ERRORS = Errors(0.205, 80)


class Cluster(NamedTuple):
    """What layouts run on.

    Attributes:
        rate: dense 16-bit FLOP a second of a device.
        node: devices that one switch or board links.
        link, network: bytes a second that a device sends within, and out of a node.
    """

    rate: float
    node: int
    link: float
    network: float

    def between(self, ranks: int, apart: int = 1) -> float:
        """Bytes a second in a group of `ranks` that stand `apart` devices from each other.

        Out of a node each of its members has a way of its own, so a group has as many as stand in one node.
        """
        if ranks * apart <= self.node:
            return self.link
        return min(self.link, self.network * max(1, self.node // apart))


class Step(NamedTuple):
    """Seconds of a step, by term; the sum is the step."""

    products: float
    bubble: float
    tensor: float
    data: float
    context: float
    experts: float

    @property
    def seconds(self) -> float:
        """All together."""
        return sum(self)


def model_flops(sizes: Sizes, batch: Batch) -> float:
    """Of a step, without what is run again: forward, twice as much backward, and forward of a frozen model."""
    return (3.0 + batch.reference) * batch.tokens * (2 * sizes.active + sizes.scores * batch.sequence / 2)


def step(sizes: Sizes, layout: Layout, batch: Batch, cluster: Cluster) -> Step:
    """The time of a step."""
    again = 4 / 3 if layout.recompute else 1.0
    products = model_flops(sizes, batch) * again / layout.world / (cluster.rate * KERNELS)
    count = max(1, batch.micro_batches(layout))
    bubble = products * (layout.pp - 1) / count / layout.vp
    ways = 3 if layout.recompute else 2
    tokens = batch.one * layout.micro / layout.cp
    layers = sizes.layers / layout.pp
    tensor = count * layers * 4 * ways * HALF * sizes.hidden * tokens * _others(layout.tp) / cluster.between(layout.tp)
    experts = 0.0
    if layout.ep > 1:
        sent = 2 * ways * sizes.routes * tokens / layout.tp * _others(layout.ep)
        experts = count * layers * sent / cluster.between(layout.ep)
    context = _context(sizes, layout, batch, cluster, tokens, count) if layout.cp > 1 else 0.0
    return Step(products, bubble, tensor, _data(sizes, layout, cluster, products / count, count), context, experts)


def _others(ranks: int) -> float:
    return (ranks - 1) / ranks


def _context(sizes: Sizes, layout: Layout, batch: Batch, cluster: Cluster, tokens: float, count: int) -> float:
    layers = sizes.layers / layout.pp
    width = sizes.hidden / sizes.heads
    sent = 3 * 2 * HALF * sizes.kv_heads * width / layout.tp * tokens * (layout.cp - 1)
    passing = layers * sent / cluster.between(layout.cp, layout.tp)
    scores = 3 * tokens * sizes.scores / layout.tp * batch.sequence / 2 / layout.pp / (cluster.rate * KERNELS)
    return max(0.0, passing - scores) * count


def _data(sizes: Sizes, layout: Layout, cluster: Cluster, one: float, count: int) -> float:
    """Gradients and weights between copies; `one` is the time of a micro-batch's products."""
    copies = sizes.tied if layout.pp > 1 else 0
    dense = (sizes.dense + sizes.ends(first=True, last=True) + copies) / layout.tp / layout.pp
    routed = sizes.routed / layout.ep / layout.pp
    dense_way = cluster.between(layout.shards, layout.tp)
    routed_way = cluster.between(layout.expert_shards, layout.ep)
    each = dense * _others(layout.shards) / dense_way + routed * _others(layout.expert_shards) / routed_way
    if layout.zero == 3 and layout.pp == 1:
        return max(0.0, 3 * HALF * each - one) * count
    return max(0.0, (FP32 + HALF) * each - one * 2 / 3)
