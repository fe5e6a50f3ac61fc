"""What one layer adds while a chunk is read, operation by operation.

A graph of fewer than 50 operations is one command buffer, which holds all that it reads until it was run: what is taken
is then the sum of what its operations make, but for what they write over their only input's memory. The caches, which
are counted elsewhere, are taken away.
"""

from __future__ import annotations

import pytest

from llmscale.runtimes.mlx.chunk import Chunk
from llmscale.runtimes.mlx.parts import Attend, Feed, Latent, Layer, Recur
from llmscale.runtimes.mlx.prompt import besides

#: Elements of the residual stream; tokens of a chunk, of two sequences; K and V of all heads.
H, T, S, KV = 96, 32, 2, 128
ROWS = S * T
#: Two heads of 64.
PLAIN = Attend(heads=2, head_dim=64, value_dim=64, queries=128, keys=KV, values=KV)
#: Behind what is looked at: of the last layer K and V alone are asked for.
LAST = Layer((PLAIN,))
CHUNK = Chunk(S, T, 0, 16)


def added(layer: Layer, chunk: Chunk = CHUNK) -> int:
    return besides((layer, LAST), H, chunk) - besides((LAST,), H, chunk)


def test_of_the_last_layer_what_its_caches_are_made_of() -> None:
    """The residual stream, whose norm takes its place where nothing is added to it; K, the same rotated, and V."""
    assert besides((LAST,), H, CHUNK) == 2 * ROWS * (H + 2 * KV + KV)


def test_attention_by_the_kernel() -> None:
    """Norm and output; Q, K and V, the first two rotated; what the heads make. The residual is added in place."""
    assert added(Layer((PLAIN,))) == 2 * ROWS * (2 * H + 2 * 128 + 2 * KV + KV + 128)
    # Norms of heads are in place too.
    assert added(Layer((PLAIN._replace(normed=True),))) == added(Layer((PLAIN,)))


def test_a_gate_is_as_wide_as_the_queries() -> None:
    """Both in one matrix, and the queries taken out of it."""
    assert added(Layer((PLAIN._replace(gated=True),))) - added(Layer((PLAIN,))) == 2 * ROWS * 2 * 128


def test_keys_and_values_of_another_layer_are_not_made() -> None:
    borrowed = PLAIN._replace(keys=0, values=0)
    assert added(Layer((borrowed,))) == 2 * ROWS * (2 * H + 2 * 128 + 128)


def test_what_is_not_cached_is_there_while_the_chunk_is_read() -> None:
    assert added(Layer((PLAIN._replace(cached=False),))) == added(Layer((PLAIN,)))


@pytest.mark.parametrize("width", [65, 256])
def test_other_heads_keep_scores_and_a_mask(width: int) -> None:
    """Two heads x rows x tokens seen in 16 bits, and a byte for each pair of tokens; masked and summed in place."""
    wide = PLAIN._replace(head_dim=width)
    assert added(Layer((wide,))) - added(Layer((PLAIN,))) == 2 * 2 * ROWS * T + T * T
    assert added(Layer((PLAIN._replace(value_dim=32),))) == (
        added(Layer((PLAIN,))) + 2 * 2 * ROWS * T + T * T - 2 * ROWS * 2 * 32
    )


def test_windows_keep_what_is_there() -> None:
    """A chunk within the window is the cache as it is; beyond it, the window and the chunk."""
    windowed = PLAIN._replace(window=512)
    assert added(Layer((windowed,))) == added(Layer((PLAIN,))) - 2 * ROWS * 2 * KV
    late = Chunk(S, T, 1024, 16)
    # Old and new cache of 16 tokens and a chunk less one; both of K and of V, of which one is counted elsewhere.
    size = S * 2 * (16 + T - 1) * KV
    assert (
        added(Layer((PLAIN._replace(window=16),)), late) == 2 * ROWS * (2 * H + 2 * 128 + 2 * KV + KV + 128) + 2 * size
    )
    # Scores are over what is kept.
    wide = PLAIN._replace(window=16, head_dim=256)
    seen = 16 + T - 1
    assert added(Layer((wide,)), late) - added(Layer((PLAIN._replace(window=16),)), late) == (
        2 * 2 * ROWS * seen + T * seen
    )


def test_a_cache_that_grows_is_there_twice() -> None:
    """1,024 tokens and 32 more take room for 1,280: as long again with the new part apart, of which one is counted."""
    late = Chunk(S, T, 1024, 16)
    made = 2 * ROWS * (2 * H + 2 * 128 + 2 * KV + KV + 128)
    assert added(Layer((PLAIN,)), late) == made + 2 * (S * 2 * 1280 * KV)


def test_a_quantised_cache_grows_in_its_own_format() -> None:
    """Eight bits, and a scale and a bias of 16 for each 64: 8.5; what is new is quantised first; scores are kept."""
    late = Chunk(S, T, 1024, 16, "mlx8")
    made = 2 * ROWS * (2 * H + 2 * 128 + 2 * KV + KV + 128) + 2 * 2 * ROWS * 1056 + T * 1056
    whole, new = S * 1280 * KV * 17 // 16, S * T * KV * 17 // 16
    assert added(Layer((PLAIN,)), late) == made + 2 * (whole + new)


def test_feed_forward_blocks() -> None:
    """Their norm, gate and up, of which the product takes the place of one, and the way down."""
    attention = added(Layer((PLAIN,)))
    assert added(Layer((PLAIN,), (Feed(300, gated=True),))) == attention + 2 * ROWS * (H + 2 * 300 + H)
    assert added(Layer((PLAIN,), (Feed(300, gated=False),))) == attention + 2 * ROWS * (H + 300 + H)
    # Two beside each other have one norm.
    two = (Feed(300, gated=True), Feed(40, gated=False))
    assert added(Layer((PLAIN,), two)) == attention + 2 * ROWS * (H + 2 * 300 + H + 40 + H)


def test_experts_work_on_copies_of_tokens() -> None:
    """Three of ten: shares and their order, four lists of rows, the copies three times, gate and up, the sum."""
    feed = Feed(300, True, experts=10, used=3)
    copies = ROWS * 3
    lists = 2 * ROWS * 10 + 4 * ROWS * 10 + 2 * copies + 4 * 4 * copies
    assert added(Layer((PLAIN,), (feed,))) == added(Layer((PLAIN,))) + 2 * ROWS * H + lists + 2 * (
        3 * copies * H + 2 * copies * 300 + ROWS * H
    )


def test_latent_attention() -> None:
    """Q; the latent and its rotary part, taken apart; positions' scores with a mask; K and V of all tokens."""
    latent = Latent(heads=4, q_rank=None, kv_rank=48, nope=64, rope=16, v_head=64)
    made = 2 * ROWS * (2 * H + 4 * 80 + (48 + 16) + 48 + 4 * 16 + 16 + 4 * 64)
    scores = 2 * 4 * ROWS * T + T * T
    assert added(Layer((latent,))) == made + scores + 2 * ROWS * 4 * (64 + 64)
    # By way of a lower rank, which is normalised in place.
    assert added(Layer((latent._replace(q_rank=24),))) - added(Layer((latent,))) == 2 * ROWS * 24
    # Without a kernel the scores of both parts are there.
    other = latent._replace(nope=32)
    assert added(Layer((other,))) == (
        2 * ROWS * (2 * H + 4 * 48 + (48 + 16) + 48 + 4 * 16 + 16 + 4 * 64)
        + 2 * 2 * 4 * ROWS * T
        + T * T
        + 2 * ROWS * 4 * (32 + 64)
    )


def test_recurrent_layers() -> None:
    """All matrices but the last, two steps of the convolution, the recurrence; the gate is in place."""
    recur = Recur(((200, H), (30, H), (H, 160)))
    assert added(Layer((recur,))) == 2 * ROWS * (2 * H + 200 + 30 + 2 * 200 + 160)
    # One matrix alone is the last.
    assert added(Layer((Recur(((H, 160),)),))) == 2 * ROWS * (2 * H + 2 * H + 160)


def test_mamba_2_scans_in_steps_of_256_tokens() -> None:
    """Of each step two FP32 matrices of tokens by tokens a head, its part of the output, and all of it."""
    recur = Recur(((200, H), (H, 160)), heads=3)
    each = 2 * 4 * S * 3 * T * T
    assert added(Layer((recur,))) == 2 * ROWS * (2 * H + 200 + 2 * 200 + 160 + 160) + each
    long = Chunk(1, 300, 0, 16)
    squares = 2 * 4 * 3 * (256 * 256 + 44 * 44)
    assert added(Layer((recur,)), long) == 2 * 300 * (2 * H + 200 + 2 * 200 + 160 + 160) + squares
