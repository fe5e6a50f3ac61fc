"""Single operations and blocks by hand: at the most, how many bytes of an element are alive at once, and which stay.

The code that each is named after allocates line by line; a tensor goes with the last variable that names it. Sizes are
multiples of 512 bytes, so that nothing is rounded.
"""

from __future__ import annotations

import pytest

from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.classes.style import LLAMA, Activation, Normed, Rotary, Scores
from llmscale.runtimes.transformers.attention.eager import softmaxed
from llmscale.runtimes.transformers.attention.heads import Heads
from llmscale.runtimes.transformers.attention.latent import attend_latent
from llmscale.runtimes.transformers.attention.rotary import rotated
from llmscale.runtimes.transformers.experts import mixture
from llmscale.runtimes.transformers.ops import Step, activation, norm
from llmscale.runtimes.transformers.parts import RoutedExperts
from llmscale.runtimes.transformers.tape import Tape

N = 1 << 16
HALF, SINGLE = Step(1, 256, 0, 2), Step(1, 256, 0, 4)


@pytest.mark.parametrize(
    ("kind", "half", "single"),
    [
        ("rms", 8, 8),  # copy, square, norm in FP32; the norm, its narrow copy and the product
        ("gemma", 8, 8),  # the norm and it scaled, in FP32
        ("manual", 12, 8),  # copy, less its mean, its square
        ("bare", 8, 4),  # copy and norm
        ("layer", 2 + 8 / 256, 4 + 8 / 256),  # the result, and two numbers of a row of 256
    ],
)
def test_norms(kind: Normed, half: float, single: float) -> None:
    for step, bytes_ in ((HALF, half), (SINGLE, single)):
        tape = Tape()
        out = norm(tape, "out", N, 256, step, kind)
        assert tape.peak == bytes_ * N
        assert tape.live == out.size == N * step.width


@pytest.mark.parametrize(
    ("kind", "bytes_"),
    [("fused", 2), ("relu2", 4), ("quick_gelu", 4), ("gelu_new", 6), ("xielu", 2 + 3 * 2 + 1)],
)
def test_activations(kind: Activation, bytes_: int) -> None:
    tape = Tape()
    activation(tape, N, 2, kind)
    assert (tape.peak, tape.live) == (bytes_ * N, 2 * N)


@pytest.mark.parametrize(
    ("kind", "first", "second", "stays"),
    [
        # Each of Q and K: times cosine, halves swapped, times sine; the sum.
        ("half", 6, 2 + 6, 2 + 2),
        # The tables widen the products: 4, 2 and 4; the sum.
        ("promoted", 12, 4 + 12, 2 + 2),
        # A copy in FP32 of what is swapped, too.
        ("float", 14, 4 + 14, 2 + 2),
    ],
)
def test_rotary_positions(kind: Rotary, first: int, second: int, stays: int) -> None:
    """Q and K of 256 elements a token; what is in FP32 is narrowed when both are there."""
    tape = Tape()
    n = 256 * 256
    rotated(tape, HALF, Heads(256, 256, 256, 256), LLAMA._replace(rotary=kind), 1.0, 256)
    assert tape.peak == max(first, second) * n
    assert tape.live == stays * n


def test_rotary_positions_of_pairs_and_of_complex_numbers() -> None:
    """``wide`` spreads cosines and sines over both elements of a pair; ``complex`` keeps copies until both are done."""
    n, size = 256 * 256, Heads(256, 256, 256, 256)
    tape = Tape()
    rotated(tape, HALF, size, LLAMA._replace(rotary="wide"), 1.0, 256)
    assert tape.peak == (2 * 4 + 4 + 12) * n
    assert tape.live == 4 * n
    tape = Tape()
    rotated(tape, HALF, size, LLAMA._replace(rotary="complex"), 1.0, 256)
    assert tape.peak == (4 * 4 + 2 * 2) * n
    tape = Tape()
    rotated(tape, HALF, size, LLAMA._replace(rotary="fp32"), 1.0, 256)
    # Both in FP32; the one rotated while the other is.
    assert tape.peak == (2 * 4 + 4 + 3 * 4) * n


def test_a_part_of_a_head_is_put_together_with_the_rest() -> None:
    """A quarter rotates: while K is put together, Q and both parts of K are there; Phi leaves that to the attention."""
    n, size = 256 * 256, Heads(256, 256, 256, 256)
    tape = Tape()
    rotated(tape, HALF, size, LLAMA, 0.25, 64)
    assert (tape.peak, tape.live) == (2 * n + n // 2 + 2 * n, 4 * n)
    tape = Tape()
    rotated(tape, HALF, size, LLAMA._replace(rope_open=True), 0.25, 64)
    assert (tape.peak, tape.live) == (2 * (n // 2) + 4 * n, 2 * (n // 2) + 4 * n)


@pytest.mark.parametrize(
    ("kind", "half", "single"),
    [
        ("fp32", 10, 8),  # masked, in FP32, its softmax
        ("native", 4, 8),
        ("inplace", 6, 12),  # the scores themselves stay until the softmax is there
        ("product", 2 + 2 + 8, 12),  # scaled by the product, which stays
        ("single", 8, 8),
        ("alibi", 10, 12),  # masked and its softmax in FP32, and that narrowed
    ],
)
def test_scores(kind: Scores, half: int, single: int) -> None:
    """Two heads, 256 tokens and as many seen, Q of one element a token and head."""
    scores = 2 * 256 * 256
    for step, bytes_ in ((HALF, half), (SINGLE, single)):
        tape = Tape()
        left = softmaxed(tape, step, LLAMA._replace(scores=kind), (2, 256), 2)
        narrow = 2 * 256 * 2 * 4 if kind == "single" else 0
        assert tape.peak == bytes_ * scores + narrow
        assert left.size == step.width * scores


def test_several_sequences_put_q_in_order() -> None:
    """Of wide heads that is the most: Q copied, and the scores."""
    for tokens, copied in ((256, 1), (1, 0)):
        step = Step(2, tokens, 0, 2)
        tape = Tape()
        softmaxed(tape, step, LLAMA, (2, 8), 4096)
        q, scores = step.rows * 4096 * 2, step.rows * 2 * 8
        assert tape.peak == (q + 2 * scores if copied else max(10 * scores, tape.peak))
    tape = Tape()
    softmaxed(tape, Step(2, 256, 0, 2), LLAMA._replace(scores="single"), (2, 8), 4096)
    rows = 512 * 4096 * 4, 2 * 8 * 4096 * 4
    assert tape.peak == 2 * sum(rows) + 512 * 2 * 8 * 4
    # Neither of one sequence alone, nor of one token of each.
    for step in (Step(1, 256, 0, 2), Step(2, 1, 0, 2)):
        tape = Tape()
        softmaxed(tape, step, LLAMA._replace(scores="single"), (2, 8), 4096)
        wide = (step.rows + 8 * step.batch) * 4096 * 4
        assert tape.peak == wide + 2 * max(512, step.rows * 2 * 8 * 4)


def latent(tape: Tape, step: Step, **widths: int) -> None:
    sizes = {"heads": 1, "q_rank": 0, "kv_rank": 256, "rope": 256, "nope": 256, "v_head": 256, **widths}
    attend_latent(tape, step, LatentAttention(256, **sizes), LLAMA)


def test_a_wide_latent_is_widest_in_its_norm() -> None:
    """Q of 512 and the latent with its 256 rotary elements; the norm takes eight bytes an element besides."""
    tape = Tape()
    latent(tape, HALF, kv_rank=1 << 14)
    assert tape.peak == 256 * (2 * 512 + 2 * ((1 << 14) + 256) + 8 * (1 << 14))
    # What stays: the latent and the rotary key of the cache, and the output.
    assert tape.live == 256 * 2 * ((1 << 14) + 256 + 256)


def test_a_wide_lower_rank_of_q_is_too() -> None:
    tape = Tape()
    latent(tape, HALF, q_rank=1 << 14)
    assert tape.peak == 256 * (2 + 8) * (1 << 14)


def test_many_heads_are_widest_where_attention_is() -> None:
    """Q twice, its rotary part, K and V out of the latent, K put together, and what attention makes; in 16 bits."""
    tape = Tape()
    latent(tape, HALF, heads=64)
    heads = 64 * (512 + 256 + 512 + 512 + 512 + 256)
    # The latent, normalised and in the cache, its rotary key, raw and in the cache; the output stands beside it all.
    assert tape.peak == pytest.approx(256 * 2 * heads, rel=0.02)
    assert tape.peak >= 256 * 2 * heads


GROUPED = RoutedExperts(hidden=512, intermediate=1024, number=8, used=2)


def grouped(experts: RoutedExperts, step: Step = HALF, **style: bool) -> Tape:
    tape = Tape()
    mixture(tape, step, experts, LLAMA._replace(**style))  # type: ignore[arg-type]
    return tape


def before(rows: int, width: int = 2, weight: int = 2) -> int:
    """Router, chosen experts, their weights, orders, inputs of experts: for `rows` of 256 tokens."""
    router = 256 * 8 * width + rows * 8 + rows * weight
    return router + 2 * rows * 8 + rows * 512 * 2 + rows * weight + rows * 4


def test_grouped_experts_are_widest_at_their_product() -> None:
    """Each token once for both of its experts: gate and up together, the gate's activation, their product."""
    tape = grouped(GROUPED)
    assert tape.peak == before(512) + 512 * 1024 * 2 * 4
    assert tape.live == 256 * 512 * 2
    plain = grouped(GROUPED._replace(gated=False))
    assert plain.peak == before(512) + max(512 * 1024 * 2 * 2, 512 * (1024 + 512) * 2)


def test_narrow_experts_are_widest_where_outputs_are_weighted() -> None:
    """Outputs, their weighted copy, the same in the order of tokens; in FP32 where the weights are, and then copied."""
    narrow = GROUPED._replace(intermediate=256)
    after = 512 * 512 * 2 + 512 * 8
    assert grouped(narrow).peak == before(512) + after + 2 * 512 * 512 * 2
    wide = grouped(narrow, routed_in_fp32=True)
    assert wide.peak == before(512, weight=4) + after + 2 * 512 * 512 * 4
    assert wide.live == 256 * 512 * 2


def test_gpt_oss_clamps_both_sides() -> None:
    """Biases of both, both, each clamped, activation, up and one, product: four, and five more at once."""
    tape = grouped(GROUPED._replace(stacked=True))
    assert tape.peak == before(512) + 512 * 1024 * 2 * 9


def test_a_shared_expert_runs_before_or_after() -> None:
    """Its gate's activation, up and product; the outputs of the others are there if it comes after."""
    shared = GROUPED._replace(shared=1 << 14)
    router = 256 * 8 * 2 + 512 * 8 + 512 * 2
    assert grouped(shared).peak == router + 256 * 512 * 2 + 3 * 256 * (1 << 14) * 2
    assert grouped(shared, shared_first=True).peak == 3 * 256 * (1 << 14) * 2
    fused = shared._replace(fused_shared=True)
    assert grouped(fused, shared_first=True).peak == 4 * 256 * (1 << 14) * 2
    assert grouped(shared).live == grouped(shared, shared_first=True).live == 256 * 512 * 2


def test_a_token_of_an_answer_copies_its_experts() -> None:
    """Gate and up, then down besides them: three matrices of both experts of each of four sequences."""
    step = Step(4, 1, 100, 2)
    matrices = 4 * 2 * 3 * 512 * 1024 * 2
    tape = grouped(GROUPED, step)
    rows = 4 * 2
    # Three small lists are rounded up to 512 bytes each.
    small = 3 * 512 + rows * 512 * 2 + rows * 1024 * 2
    assert tape.peak == matrices + small
    without = grouped(GROUPED._replace(gated=False), step)
    assert without.peak == matrices * 2 // 3 + small
    assert grouped(GROUPED, step._replace(copied_experts=0)).peak < matrices // 10


def test_every_expert_computes_every_token_of_llama_4() -> None:
    """Inputs scaled for all; gate and up, activation and product of all experts, for eight times the tokens."""
    tape = grouped(GROUPED._replace(shared=512), dense_experts=True)
    rows = 256 * 8
    assert tape.peak == 2 * (2 * rows + rows * 512 + rows * 1024 * 4)
    assert tape.live == 256 * 512 * 2
    # Of narrow experts inputs and outputs, with gate and up and their product.
    narrow = grouped(GROUPED._replace(shared=512, intermediate=64), dense_experts=True)
    assert narrow.peak == 2 * (2 * rows + rows * (2 * 512 + 3 * 64))


def test_narrow_experts_are_widest_where_their_outputs_are_put_in_order() -> None:
    """Inputs, outputs, outputs weighted and in the order of tokens; of gpt-oss's the biases of all matrices as well."""
    narrow, rows = GROUPED._replace(intermediate=64), 256 * 2
    plain, stacked = grouped(narrow).peak, grouped(narrow._replace(stacked=True)).peak
    assert 4 * 2 * rows * 512 < plain < 4.05 * 2 * rows * 512
    assert stacked - plain == 2 * rows * (512 + 2 * 64)
