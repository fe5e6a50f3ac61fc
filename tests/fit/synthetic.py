"""Models of any shape that never were, for properties: under the general rule, of one size or of several around it."""

from __future__ import annotations

from hypothesis import strategies as st

from llmscale.devices.sets import DeviceSet, sized
from llmscale.fit.bare import BareSize
from llmscale.fit.subject import Subject
from llmscale.formats.catalogue import number_format, quant
from llmscale.model.shape import LayerCache, LayerState, Shape
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes.general import GeneralRuntime
from llmscale.runtimes.interface import RuntimeInfo, Workload
from llmscale.runtimes.subject import SizedWeights, Summary

RULE = GeneralRuntime(RuntimeInfo("rule", "The rule", "nowhere"), "1")
PLAIN = quant("fp16")

LAYER = st.builds(
    LayerCache,
    st.integers(1, 100),
    st.integers(1, 2048),
    st.integers(1, 2048),
    st.none() | st.integers(2, 30_000),
    every=st.just(1),
    tokens=st.none() | st.integers(0, 5000),
)
STATE = st.builds(LayerState, st.integers(1, 100), st.integers(1, 10**7), st.sampled_from([2, 4]))
SHAPE = st.builds(
    Shape,
    layers=st.just(8),
    hidden=st.integers(1, 8192),
    intermediate=st.integers(1, 20_000),
    vocab=st.integers(1, 100_000),
    max_context=st.none(),
    sequence=st.none(),
    caches=st.lists(LAYER, min_size=1, max_size=3).map(tuple),
    states=st.lists(STATE, max_size=2).map(tuple),
)
SIZES = st.integers(10**6, 10**11)


def known(shape: Shape, size: int) -> Summary:
    """A model of this shape whose weights take so many bytes."""
    return Summary("known", shape, SizedWeights(Quantity.exactly(size), size), PLAIN)


def bare(shapes: list[Shape], size: int) -> BareSize:
    """A size with models of these shapes around it."""
    nothing = SizedWeights(Quantity.exactly(0, Basis.ASSUMED))
    around = tuple(Summary(str(n), shape, nothing, PLAIN, exact=False) for n, shape in enumerate(shapes))
    weights = Quantity(size, size * 3 // 4, size, Basis.ASSUMED)
    return BareSize("bare", weights, PLAIN, around, tuple(range(len(around))), {})


SUBJECTS: st.SearchStrategy[Subject] = st.builds(known, SHAPE, SIZES) | st.builds(
    bare, st.lists(SHAPE, min_size=2, max_size=3), SIZES
)


def work(context: int = 4096, batch: int = 1, kv: str = "fp16") -> Workload:
    """A workload in 16 bits."""
    return Workload(context, batch, number_format(kv), 2)


def cards(each: int, count: int = 1) -> DeviceSet:
    """So many cards of so many bytes."""
    return sized(each, "some", count, reserve=0)
