"""The graph that mlx-lm builds for one chunk of a prompt, and what it takes besides weights and caches.

Read in mlx-lm 0.32.2: ``base.py``, ``cache.py``, ``deepseek_v3.py``, ``qwen3.py``, ``qwen3_moe.py``, ``qwen3_next.py``,
``ssm.py`` and ``switch_layers.py`` of ``mlx_lm/models``; and in mlx 0.32.2: ``mlx/fast.cpp``,
``mlx/backend/metal/scaled_dot_product_attention.cpp``.

- Attention keeps no scores where K and V have heads of 64, 72, 80, 96 or 128 elements in 16 bits. Any others (256 of
  Gemma and Qwen3.5), quantised caches and latent attention do: heads x tokens of the chunk x tokens so far. (Chips with
  neural accelerators in the GPU, M5, need none for 256 either; that is left out.)
- A cache that grows is copied to a longer one: both are there until the GPU has done it.
- Experts work on a token's copies, one for each expert that it takes.
- Recurrent layers are their matrices, a convolution and one operation more; Mamba-2's scan is made of matrices.

The last layers stand for all: then all caches are there, and no more than those are under way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from llmscale.formats.catalogue import format_of
from llmscale.runtimes.mlx.encoder import Array, held, stored, view
from llmscale.runtimes.mlx.layers import Attend, Feed, Latent, Layer, Recur
from llmscale.runtimes.mlx.rules import STEP

#: Elements of a head for which there is a kernel that keeps no scores.
FUSED = (64, 72, 80, 96, 128)
#: Weights of a group, each with a scale and a bias; elements of MLX's array of packed weights have 32 bits.
GROUP, PACKED = 64, 32
#: Tokens of a step of Mamba-2's scan (``ssm_attn``), operations that make its decay, and those of a convolution: the
#: earlier inputs put before, the convolution and its activation.
SCAN, DECAY, CONVOLUTION = 256, 4, 2
#: Bits of a router.
ROUTER_BITS = 8.5


class Chunk(NamedTuple):
    """A chunk of a prompt.

    Attributes:
        sequences: prompts that are read at once.
        tokens: of each.
        before: tokens of each that were read before.
        bits: of a weight.
        quantised: the id of the cache's format; empty for 16 bits.
    """

    sequences: int
    tokens: int
    before: int
    bits: float
    quantised: str = ""

    @property
    def rows(self) -> int:
        return self.sequences * self.tokens

    @property
    def total(self) -> int:
        return self.before + self.tokens


def allocated(tokens: int) -> int:
    """Tokens that a cache of so many has room for."""
    return -(-tokens // STEP) * STEP


def kept(tokens: int, window: int | None, chunk: int) -> int:
    """Tokens that a layer holds once a chunk was read: a window and the chunk, or all."""
    return allocated(tokens) if window is None else min(tokens, window + chunk - 1)


@cache
def besides(layers: tuple[Layer, ...], hidden: int, chunk: Chunk) -> int:
    """The most bytes that are held while a chunk is read, without weights and without the caches as they are then."""
    step = Step(hidden, chunk)
    residual = step.op((step.scalar,), chunk.rows * hidden)
    for layer in layers:
        for mixer in layer.mixers:
            residual = step.added(residual, step.mix(step.normed(residual), mixer))
        source = step.normed(residual) if layer.feeds else residual
        for feed in layer.feeds:
            residual = step.added(residual, step.feed(source, feed))
    if not step.kept:
        step.kept.append(residual)
    return max(0, held(step.kept, step.first, step.old) - step.after)


class Step:
    """The graph while it is built.

    Attributes:
        kept: the caches that are asked for.
        old: those that they are made from.
        first, after: bytes of the ones and of the others.
    """

    def __init__(self, hidden: int, chunk: Chunk) -> None:
        self.hidden, self.chunk = hidden, chunk
        self.scalar = stored(1)
        self.kept: list[Array] = []
        self.old: list[Array] = []
        self.first = self.after = 0

    @staticmethod
    def op(inputs: tuple[Array, ...], elements: int, over: tuple[int, ...] = (), itemsize: int = 2) -> Array:
        return Array(inputs, elements, itemsize, over)

    def normed(self, source: Array) -> Array:
        return self.op((source, stored(self.hidden)), source.elements, (0,))

    def added(self, one: Array, other: Array) -> Array:
        return self.op((one, other), one.elements, (0, 1))

    def matrix(self, source: Array, outputs: int, inputs: int, rows: int = 0, bits: float = 0.0) -> Array:
        """``source`` times a matrix."""
        return self.op(
            (source, *self.weights(outputs * inputs, bits or self.chunk.bits)), (rows or self.chunk.rows) * outputs
        )

    @staticmethod
    def weights(count: int, bits: float) -> tuple[Array, ...]:
        """A matrix: of 16 bits, or packed with the scale and bias of each group."""
        if bits >= 16:
            return (stored(count),)
        packed = bits - 2 * 16 / GROUP
        return stored(int(count * packed) // PACKED, 4), stored(count // GROUP), stored(count // GROUP)

    def mix(self, source: Array, mixer: Attend | Latent | Recur) -> Array:
        if isinstance(mixer, Attend):
            return self._attend(source, mixer)
        if isinstance(mixer, Latent):
            return self._latent(source, mixer)
        return self._recur(source, mixer)

    def _recur(self, source: Array, mixer: Recur) -> Array:
        rows, (outputs, inputs) = self.chunk.rows, mixer.matrices[-1]
        first, *others = [self.matrix(source, o, i) for o, i in mixer.matrices[:-1]] or [source]
        convolved = first
        for _ in range(CONVOLUTION):
            convolved = self.op((convolved,), first.elements)
        core = self._scan(convolved, rows * inputs, mixer.heads) if mixer.heads else None
        core = core or self.op((convolved, *others), rows * inputs)
        core = self.op((core, view(first)), core.elements, (0,))
        return self.matrix(core, outputs, inputs)

    def _scan(self, source: Array, elements: int, heads: int) -> Array:
        """Mamba-2's: in steps of 256 tokens, each an FP32 matrix of tokens by tokens for every head."""
        chunk, pieces = self.chunk, []
        for start in range(0, chunk.tokens, SCAN):
            tokens = min(SCAN, chunk.tokens - start)
            square = chunk.sequences * heads * tokens * tokens
            products = self.op((source,), square, itemsize=4)
            decay = source
            for _ in range(DECAY):
                decay = self.op((decay,), square, (0,) if decay is not source else (), 4)
            products = self.op((products, decay), square, (0, 1), 4)
            products = self.op((products,), square, (0,), 4)
            pieces.append(self.op((products, source), elements * tokens // chunk.tokens))
        return self.op(tuple(pieces), elements)

    def _attend(self, source: Array, mixer: Attend) -> Array:
        rows = self.chunk.rows
        queries = self.matrix(source, mixer.queries * (1 + mixer.gated), self.hidden)
        gate = view(queries) if mixer.gated else None
        if mixer.gated:
            queries = self.op((queries,), rows * mixer.queries)
        keys = self.matrix(source, mixer.keys, self.hidden) if mixer.keys else None
        values = self.matrix(source, mixer.values, self.hidden) if mixer.values else None
        if mixer.normed:
            queries = self.op((queries, stored(mixer.head_dim)), queries.elements, (0,))
            keys = keys and self.op((keys, stored(mixer.head_dim)), keys.elements, (0,))
        queries = self.op((queries,), queries.elements)
        keys = keys and self.op((keys,), keys.elements)
        if mixer.cached and keys is not None and values is not None:
            keys = self._cached(keys, mixer.keys, mixer.window)
            values = self._cached(values, mixer.values, mixer.window)
        seen = kept(self.chunk.total, mixer.window, self.chunk.tokens) if mixer.window else self.chunk.total
        fused = mixer.head_dim == mixer.value_dim and mixer.head_dim in FUSED and not self.chunk.quantised
        known = tuple(array for array in (keys, values) if array is not None)
        outputs = rows * mixer.heads * mixer.value_dim
        if fused:
            out = self.op((queries, *known), outputs)
        else:
            scores = self._scores((queries, *known[:1]), mixer.heads * rows * seen, self._mask(seen))
            scores = self.op((scores,), scores.elements, (0,))
            out = self.op((scores, *known[1:]), outputs)
        if gate is not None:
            out = self.op((out, gate), outputs, (0,))
        return self.matrix(out, self.hidden, mixer.heads * mixer.value_dim)

    def _mask(self, seen: int) -> Array:
        return self.op((self.scalar,), self.chunk.tokens * seen, itemsize=1)

    def _scores(self, inputs: tuple[Array, ...], elements: int, mask: Array) -> Array:
        scores = self.op(inputs, elements)
        return self.op((scores, mask), elements, (0,))

    def _latent(self, source: Array, mixer: Latent) -> Array:
        chunk, rows, heads = self.chunk, self.chunk.rows, mixer.heads
        inner, outer = source, self.hidden
        if mixer.q_rank:
            inner = self.matrix(source, mixer.q_rank, self.hidden)
            inner, outer = self.op((inner, stored(mixer.q_rank)), inner.elements, (0,)), mixer.q_rank
        queries = self.matrix(inner, heads * (mixer.nope + mixer.rope), outer)
        compressed = self.matrix(source, mixer.kv_rank + mixer.rope, self.hidden)
        latent = self.op((compressed, stored(mixer.kv_rank)), rows * mixer.kv_rank)
        rotated = self.op((queries,), rows * heads * mixer.rope)
        key = self.op((compressed,), rows * mixer.rope)
        latent, key = self._cached(latent, mixer.kv_rank, None), self._cached(key, mixer.rope, None)
        rotated = self.op((rotated,), rotated.elements, (0,))
        positions = self._scores((rotated, key), heads * rows * chunk.total, self._mask(chunk.total))
        seen = chunk.sequences * chunk.total
        keys = self.matrix(latent, heads * mixer.nope, mixer.kv_rank, seen)
        values = self.matrix(latent, heads * mixer.v_head, mixer.kv_rank, seen)
        if mixer.nope == mixer.v_head and mixer.nope in FUSED:
            out = self.op((view(queries), keys, values, positions), rows * heads * mixer.v_head)
        else:
            scores = self.op((view(queries), keys), positions.elements)
            scores = self.op((self.op((scores, positions), scores.elements, (0, 1)),), scores.elements, (0,))
            out = self.op((scores, values), rows * heads * mixer.v_head)
        return self.matrix(out, self.hidden, heads * mixer.v_head)

    def _cached(self, new: Array, width: int, window: int | None) -> Array:
        """The cache of K or of V with the chunk's in it."""
        chunk = self.chunk
        rooms = [kept(tokens, window, chunk.tokens) if tokens else 0 for tokens in (chunk.before, chunk.total)]
        sizes = [chunk.sequences * self._size(room, width) for room in rooms]
        itemsize = 4 if chunk.quantised else 2
        grown: Array | None = None
        if rooms[0]:
            old = stored(sizes[0] // itemsize, itemsize)
            self.old.append(old)
            self.first += sizes[0]
        if chunk.quantised:
            new = self.op((new,), sizes[1] // itemsize * chunk.tokens // max(1, rooms[1]), itemsize=itemsize)
        if window is not None:
            grown = self.op((view(old), new), sizes[1] // itemsize) if rooms[0] else new
        else:
            grown = self.op((self.scalar,), (sizes[1] - sizes[0]) // itemsize, itemsize=itemsize)
            if rooms[0]:
                grown = Array((old, grown), sizes[1] // itemsize, itemsize, kernels=2)
            grown = self.op((grown, new), grown.elements, (0,), itemsize)
        self.kept.append(grown)
        self.after += sizes[1]
        return view(grown)

    def _size(self, tokens: int, width: int) -> int:
        form = self.chunk.quantised
        return format_of(form).size((tokens, width)) if form else 2 * tokens * width

    def feed(self, source: Array, feed: Feed) -> Array:
        if feed.experts > 1:
            return self._experts(source, feed)
        return self._gated(feed, lambda i, o, x: self.matrix(x, o, i), source, self.chunk.rows)

    def _gated(self, feed: Feed, times: Callable[[int, int, Array], Array], source: Array, rows: int) -> Array:
        up = times(self.hidden, feed.width, source)
        inputs = (times(self.hidden, feed.width, source), up) if feed.gated else (up,)
        return times(feed.width, self.hidden, self.op(inputs, rows * feed.width, tuple(range(len(inputs)))))

    def _experts(self, source: Array, feed: Feed) -> Array:
        rows, copies = self.chunk.rows, self.chunk.rows * feed.used
        shares = self.matrix(source, feed.experts, self.hidden, bits=min(ROUTER_BITS, self.chunk.bits))
        shares = self.op((shares,), shares.elements, (0,))
        sorting = self.op((shares,), shares.elements, itemsize=4)
        chosen, share = view(sorting), self.op((shares, view(sorting)), copies)
        order = self.op((chosen,), copies, itemsize=4)
        back = self.op((order,), copies, itemsize=4)
        token = self.op((order,), copies, itemsize=4)
        each = self.op((chosen, order), copies, itemsize=4)
        spread = self.op((source, token), copies * self.hidden)

        def times(inputs: int, outputs: int, array: Array) -> Array:
            weights = self.weights(feed.experts * inputs * outputs, self.chunk.bits)
            return self.op((array, *weights, each), copies * outputs)

        out = self._gated(feed, times, spread, copies)
        out = self.op((out, back), copies * self.hidden)
        out = self.op((out, share), out.elements, (0,))
        return self.op((out,), rows * self.hidden)
