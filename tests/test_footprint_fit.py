"""Footprints with their ranges, and whether, how far and up to which context they fit."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmscale.answers.model import Model
from llmscale.devices.sets import DeviceSet, sized
from llmscale.fit.footprint import Candidate, Footprint
from llmscale.fit.largest import LONGEST, fit, further, largest
from llmscale.fit.peers import FEWEST, peers
from llmscale.formats.catalogue import number_format, quant, quants
from llmscale.model.families import from_config
from llmscale.model.shape import LayerCache, LayerState, Shape
from llmscale.quantity import Basis, Quantity
from llmscale.runtimes import runtime
from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Subject, Workload
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import tiny

RULE = runtime("transformers")
NOBODY = Subject(Shape(1, 1, 1, 1, None, None, ()))


def work(context: int = 4096, batch: int = 1, kv: str = "fp16") -> Workload:
    return Workload(context, batch, number_format(kv), 2)


def room(bytes_: int, count: int = 1) -> DeviceSet:
    return sized(bytes_, "some", count, reserve=0)


def parts_of(print_: Footprint) -> tuple[Quantity, ...]:
    return print_.weights, print_.cache, print_.state, print_.compute, print_.overhead


LAYER = st.builds(
    LayerCache, st.integers(1, 100), st.integers(1, 2048), st.integers(1, 2048), st.none() | st.integers(2, 30_000)
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
    transformers=st.just(()),
)


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """A model with known shape, or one with the shapes of several peers and an uncertain size."""
    shapes = tuple(map(Subject, draw(st.lists(SHAPE, min_size=1, max_size=3))))
    size = draw(st.integers(10**6, 10**11))
    if len(shapes) == 1:
        return Candidate(Quantity.exactly(size), shapes, False, RULE)
    return Candidate(Quantity(size, size * 3 // 4, size, Basis.ASSUMED), shapes, True, RULE)


def test_a_known_model_is_one_point_and_its_parts_add_up() -> None:
    model = Model.of(load("llama-2-7b").known())
    print_ = model.candidate(quant("fp16"), None).footprint(work())
    assert print_.low == print_.total == print_.high == sum(part.value for part in parts_of(print_))
    assert [part.basis for part in parts_of(print_)] == [*[Basis.EXACT] * 2, *[Basis.MODELLED] * 3]
    assert print_.weights.value == 2 * 6_738_415_616
    assert print_.cache.value == 2_147_483_648


def test_a_bare_size_has_exact_weights_and_assumed_buffers_in_a_range() -> None:
    print_ = Model.of(load("7B").known()).candidate(quant("int4"), None).footprint(work())
    assert print_.weights == Quantity.exactly(3_500_000_000)
    assert print_.cache.basis is print_.compute.basis is Basis.ASSUMED
    assert print_.cache.low <= print_.cache.value <= print_.cache.high
    assert print_.cache.low < print_.cache.high
    assert print_.cache.high >= 2_147_483_648  # LLaMA 2 7B is among its peers


def test_experts_of_a_bare_mixture_are_a_range() -> None:
    spec = load("8x7B").known()
    weights = Model.of(spec).weights(quant("fp16"))
    assert weights.value == weights.high == 112_000_000_000
    assert weights.low < 2 * 46_702_792_704 < weights.high
    assert weights.basis is Basis.ASSUMED


def test_a_reported_size_says_so() -> None:
    spec = load("seed1.5-thinking").known()
    assert Model.of(spec).weights(quant("fp16")).basis in (Basis.REPORTED, Basis.EXACT)


@pytest.mark.parametrize(("size", "mixture"), [(7 * 10**9, False), (10**15, False), (10**6, False), (10**11, True)])
def test_peers_are_never_too_few(size: int, mixture: bool) -> None:
    found = peers(size, mixture)
    assert len(found) >= FEWEST
    assert all(peer.shape.caches for peer in found)


def test_peers_are_of_about_the_size_asked_for() -> None:
    small, large = peers(10**9, False), peers(7 * 10**10, False)
    assert max(peer.shape.hidden for peer in small) < min(peer.shape.hidden for peer in large)


@given(candidates(), st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 16))
def test_a_longer_context_or_larger_batch_never_takes_less(c: Candidate, one: int, other: int, batch: int) -> None:
    short, long = sorted((one, other))
    for less, more in [(work(short, batch), work(long, batch)), (work(one, batch), work(one, batch + 1))]:
        a, b = c.footprint(less), c.footprint(more)
        assert a.total <= b.total
        assert a.low <= b.low
        assert a.high <= b.high


@given(candidates(), st.integers(1, 100_000), st.integers(1, 16))
def test_the_value_lies_in_its_range(c: Candidate, context: int, batch: int) -> None:
    print_ = c.footprint(work(context, batch))
    assert print_.low <= print_.total <= print_.high
    for part in parts_of(print_):
        assert part.low <= part.value <= part.high
    assert max(c.most(shape, work(context, batch)) for shape in c.subjects) == print_.high


@pytest.mark.parametrize("reference", ["llama-2-7b", "gpt2", "mixtral-8x7b", "bert-base", "vit-base", "7B", "8x7B"])
def test_more_bits_never_take_less_memory(reference: str) -> None:
    model = Model.of(load(reference).known())
    totals = []
    for form in sorted((q for q in quants() if q.plain), key=lambda f: (f.bits, f.activation_bytes)):
        print_ = model.candidate(form, None).footprint(Workload(512, 1, number_format("fp16"), form.activation_bytes))
        totals.append((print_.weights.value, print_.total))
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


# -- does it fit -------------------------------------------------------------------------------


@given(candidates(), st.integers(1, 50_000), st.integers(1, 8), st.integers(1, 4), st.data())
def test_the_largest_context_fits_and_one_more_token_does_not(
    c: Candidate, context: int, batch: int, count: int, data: st.DataObject
) -> None:
    limit = data.draw(st.none() | st.integers(1, 100_000))
    least = max(c.most(shape, work(1, batch)) for shape in c.subjects)
    devices = room(data.draw(st.integers(least // 2, 3 * least + 10**9)) // count + 1, count)
    (answer,) = fit(c, work(context, batch), [devices], limit)

    def surely(n: int) -> bool:
        return all(
            c.most(subject, work(n, batch))
            + further(c._replace(subjects=(subject,)), work(n, batch), count)
            + (count - 1) * c.slack(subject, work(n, batch))[1]
            <= devices.total_usable
            for subject in c.subjects
        )

    n = answer.max_context
    if n is None:
        assert not surely(1)
        return
    assert 1 <= n <= (limit or LONGEST)
    assert surely(n)
    assert n == (limit or LONGEST) or not surely(n + 1)


@settings(max_examples=50)
@given(candidates(), st.integers(1, 50_000), st.integers(1, 4), st.integers(GIB + 1, 10**12))
def test_headroom_and_what_is_missing(c: Candidate, context: int, count: int, bytes_: int) -> None:
    print_ = c.footprint(work(context))
    (answer,) = fit(c, work(context), [room(bytes_, count)], None)
    assert answer.total == print_.total + further(c, work(context), count)
    assert answer.headroom == count * bytes_ - answer.total
    assert answer.fits == (answer.missing == 0)
    assert not answer.fits or answer.may_fit
    if answer.fits:
        assert answer.headroom >= 0
        assert answer.max_context is not None
        assert answer.max_context >= context
    else:
        assert answer.missing >= -answer.headroom


def test_every_device_gets_its_own_answer_in_order() -> None:
    model = Model.of(load("llama-2-7b").known())
    sets = [room(8 * GIB), room(24 * GIB), room(8 * GIB, 3)]
    candidate = model.candidate(quant("fp16"), None)
    answers = fit(candidate, work(), sets, 4096)
    compute = candidate.footprint(work()).compute.value
    assert [answer.fits for answer in answers] == [False, True, True]
    assert answers[0].max_context is None
    assert answers[2].total - answers[1].total == 2 * (RULE.overhead(NOBODY, work()) + compute)


def test_a_model_without_a_context_has_no_largest_one() -> None:
    model = Model.of(load("vit-base").known())
    (answer,) = fit(model.candidate(quant("fp16"), None), work(), [room(24 * GIB)], None)
    assert answer.fits
    assert answer.max_context is None


def test_a_window_lets_the_context_grow_further() -> None:
    plain = tiny(model_type="mistral", num_hidden_layers=32, hidden_size=1024)
    slid = from_config({**plain, "sliding_window": 512}, "x")
    full = from_config(plain, "x")
    longest = []
    for spec in (slid, full):
        # transformers keeps a prompt whole until the answer begins, so a window changes nothing at its peak.
        candidate = Model.of(spec).candidate(quant("fp16"), None)._replace(runtime=General("general"))
        (answer,) = fit(candidate, work(), [room(2 * GIB)], 10**6)
        assert answer.max_context is not None
        longest.append(answer.max_context)
    assert longest[0] > longest[1]


@example(bends=[7], slopes=[1, 1, 0, 0], limit=600, room_=10, block=7)
@given(
    st.lists(st.integers(2, 500), max_size=3),
    st.lists(st.integers(0, 20), min_size=4, max_size=4),
    st.integers(1, 600),
    st.integers(0, 8000),
    st.integers(1, 7),
)
def test_largest_is_what_trying_every_context_finds(
    bends: list[int], slopes: list[int], limit: int, room_: int, block: int
) -> None:
    edges = [0, *sorted(bends)]

    def size(n: int) -> int:
        spans = zip(edges, [*edges[1:], 10**9], slopes, strict=False)
        exact = sum(slope * max(0, min(n, high) - low) for low, high, slope in spans)
        return -(-exact // block) * block

    tried = [n for n in range(1, limit + 1) if size(n) <= room_]
    assert largest(size, room_, limit) == (tried[-1] if tried else None)
