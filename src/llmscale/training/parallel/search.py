"""All layouts of a number of devices: which fit, in order of predicted time, and what ruled the next best one out.

Candidates: TP and CP powers of two, or divisors of the heads, within a node for TP; PP, VP where the layers divide; EP
powers of two that divide the experts; ZeRO 1 to 3, as far as is needed (2 without a pipeline only, 0 on one copy);
micro-batches powers of two; layers are run again where it does not fit without. A number that the user gives stands
for all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import log

from llmscale.records import NamedTuple
from llmscale.runtimes.placed import Usage, Verdict
from llmscale.training.parallel.layout import Batch, Layout, cuts_sequence, divides_layers
from llmscale.training.parallel.memory import Bytes, fullest
from llmscale.training.parallel.pace import Cluster, Step, step
from llmscale.training.parallel.sizes import Sizes

MOST_CHUNKS = 4
MOST_MICRO = 16
MOST_CONTEXT = 16
#: Tokens of the shortest piece of a sequence that CP is worth.
SHORTEST_PIECE = 4096
#: Steps that differ by less are as fast as each other: the terms are not so exact.
ALIKE = 1.05


class Given(NamedTuple):
    """What the user fixed; None where nothing. `recompute` is None for either."""

    tp: int | None = None
    pp: int | None = None
    vp: int | None = None
    cp: int | None = None
    ep: int | None = None
    zero: int | None = None
    micro: int | None = None
    recompute: bool | None = None


class Found(NamedTuple):
    """A layout, its fullest device and its step."""

    layout: Layout
    usage: Usage
    step: Step


class Search(NamedTuple):
    """The best that fit, the fastest that does not and what it lacks or breaks, and how many were looked at."""

    best: tuple[Found, ...]
    ruled_out: Found | None
    looked: int
    fitting: int


class Division(NamedTuple):
    """What is cut over what: bytes of a parameter by ZeRO stage, since the third is another engine."""

    sizes: Sizes
    batch: Batch
    cluster: Cluster
    world: int
    budget: int
    each: dict[int, Bytes]
    given: Given


def search(asked: Division, show: int = 3) -> Search:
    """The layouts of `asked.world` devices."""
    looked = [found for cut in candidates(asked) for found in _staged(asked, cut)]
    looked.sort(key=_order)
    sure = [found for found in looked if found.usage.verdict is Verdict.YES]
    fitting = sure or [found for found in looked if found.usage.verdict is Verdict.MAYBE]
    best = tuple(_unlike(fitting, show))
    out = next((found for found in looked if found.usage.verdict is not Verdict.YES and found not in best), None)
    return Search(best, out, len(looked), len(fitting))


def _order(found: Found) -> tuple[int, int, int]:
    """By time to `ALIKE`, then what cuts least, then by bytes."""
    cut = found.layout
    return int(log(found.step.seconds) / log(ALIKE)), cut.tp * cut.pp * cut.cp * cut.ep * cut.vp, found.usage.used


def _unlike(fitting: list[Found], show: int) -> Iterator[Found]:
    """The first of each cut; micro-batches alone make no other."""
    seen: set[Layout] = set()
    for found in fitting:
        cut = found.layout._replace(micro=1, recompute=False, vp=1)
        if cut not in seen:
            seen.add(cut)
            yield found
        if len(seen) == show:
            return


def _staged(asked: Division, cut: Layout) -> Iterator[Found]:
    """A cut with as much divided as it needs: no further stage once one surely fits without running layers again."""
    for zero in _one(asked.given.zero, _stages(cut.shards, cut.pp)):
        enough = False
        for found in _tried(asked, cut._replace(zero=zero)):
            yield found
            enough = enough or (found.usage.verdict is Verdict.YES and not found.layout.recompute)
        if enough:
            return


def _tried(asked: Division, cut: Layout) -> Iterator[Found]:
    """A cut as it runs fastest: layers are run again only where it does not surely fit, larger micro-batches while
    it does, and only where each gathers weights."""
    micros = [asked.given.micro] if asked.given.micro else _micros(asked.batch, cut.dp, cut.zero == 3)
    for micro in micros:
        for again in _again(asked.given.recompute):
            layout = cut._replace(micro=micro, recompute=again)
            if not _runs(asked, layout):
                return
            usage = fullest(asked.sizes, layout, asked.batch, asked.each[layout.zero], asked.budget)
            yield Found(layout, usage, step(asked.sizes, layout, asked.batch, asked.cluster))
            if usage.verdict is Verdict.YES:
                break
        else:
            return


def _runs(asked: Division, layout: Layout) -> bool:
    count = asked.batch.micro_batches(layout)
    return count >= layout.pp and count > 0


def candidates(asked: Division) -> Iterator[Layout]:
    """Cuts that break no constraint."""
    given, sizes = asked.given, asked.sizes
    for tp, pp, cp in _cuts(asked):
        dp = asked.world // (tp * pp * cp)
        for ep in _one(given.ep, _experts(sizes.experts, dp * cp * tp)):
            for vp in _one(given.vp, _chunks(sizes.layers, pp)):
                yield Layout(dp, tp, pp, vp, cp, ep)


def _cuts(asked: Division) -> Iterator[tuple[int, int, int]]:
    given, sizes, world = asked.given, asked.sizes, asked.world
    heads = [each for each in _divisors(sizes.heads, min(world, asked.cluster.node)) if sizes.kv_heads % each == 0]
    for tp in _one(given.tp, heads):
        stages = [each for each in _divisors(world, world // tp) if divides_layers(sizes.layers, each)]
        for pp in _one(given.pp, stages):
            for cp in _one(given.cp, _pieces(asked.batch.sequence, world)):
                if world % (tp * pp * cp) == 0 and cuts_sequence(asked.batch.sequence, tp, cp):
                    yield tp, pp, cp


def _one(given: int | None, others: Iterable[int]) -> Iterable[int]:
    return others if given is None else (given,)


def _divisors(number: int, most: int) -> list[int]:
    return [each for each in range(1, min(number, most) + 1) if number % each == 0]


def _chunks(layers: int, pp: int) -> list[int]:
    if pp == 1:
        return [1]
    return [vp for vp in range(1, MOST_CHUNKS + 1) if divides_layers(layers, pp * vp)]


def _stages(shards: int, pp: int) -> tuple[int, ...]:
    if shards == 1:
        return (0,)
    return (1, 3) if pp > 1 else (1, 2, 3)


def _experts(experts: int, ranks: int) -> list[int]:
    """Powers of two that divide the experts, and the ranks that they lie on."""
    return [1 << power for power in range(10) if experts % (1 << power) == 0 and ranks % (1 << power) == 0]


def _micros(batch: Batch, dp: int, several: bool) -> list[int]:
    each = batch.sequences // dp
    most = min(each, MOST_MICRO) if several else 1
    return [1 << power for power in range(5) if 1 << power <= most and each % (1 << power) == 0]


def _pieces(sequence: int, world: int) -> list[int]:
    most = min(world, MOST_CONTEXT, max(1, sequence // SHORTEST_PIECE))
    return [1 << power for power in range(5) if 1 << power <= most]


def _again(recompute: bool | None) -> tuple[bool, ...]:
    return (False, True) if recompute is None else (recompute,)
