"""The graph that mlx-lm builds for one chunk of a prompt, while it is built: operations, matrices, growing caches.

Read in mlx-lm 0.32.2, ``base.py`` and ``cache.py`` of ``mlx_lm/models``. A cache that grows is copied to a longer one:
both are there until the GPU has done it.
"""

from __future__ import annotations

from llmscale.formats.catalogue import format_of
from llmscale.runtimes.mlx.chunk import Chunk, kept
from llmscale.runtimes.mlx.encoder import Array, stored, view

#: Weights of a group, each with a scale and a bias; elements of MLX's array of packed weights have 32 bits.
GROUP, PACKED = 64, 32


class Graph:
    """The graph while it is built.

    Attributes:
        hidden: width of the residual stream.
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
        """What one operation makes of `inputs`; see `Array`."""
        return Array(inputs, elements, itemsize, over)

    def normed(self, source: Array, size: int = 0) -> Array:
        """A norm in rows of `size`, or of the residual stream."""
        return self.op((source, stored(size or self.hidden)), source.elements, (0,))

    def added(self, one: Array, other: Array) -> Array:
        """Their sum."""
        return self.op((one, other), one.elements, (0, 1))

    def matrix(self, source: Array, outputs: int, inputs: int, rows: int = 0, bits: float = 0.0) -> Array:
        """``source`` times a matrix."""
        weights = self.weights(outputs * inputs, bits or self.chunk.bits)
        return self.op((source, *weights), (rows or self.chunk.rows) * outputs)

    @staticmethod
    def weights(count: int, bits: float) -> tuple[Array, ...]:
        """A matrix: of 16 bits, or packed with the scale and bias of each group."""
        if bits >= 16:
            return (stored(count),)
        packed = bits - 2 * 16 / GROUP
        return stored(int(count * packed) // PACKED, 4), stored(count // GROUP), stored(count // GROUP)

    def mask(self, seen: int) -> Array:
        """Which of the tokens seen each token of the chunk attends to."""
        return self.op((self.scalar,), self.chunk.tokens * seen, itemsize=1)

    def scores(self, inputs: tuple[Array, ...], elements: int, mask: Array) -> Array:
        """Masked scores."""
        scores = self.op(inputs, elements)
        return self.op((scores, mask), elements, (0,))

    def cached(self, new: Array, width: int, window: int | None) -> Array:
        """The cache of K or of V, of `width` elements a token, with the chunk's in it."""
        chunk = self.chunk
        tokens = kept(chunk.total, window, chunk.tokens)
        size, itemsize = self._size(tokens, width), 4 if chunk.quantised else 2
        old = self._old(width, window, itemsize)
        if chunk.quantised:
            new = self.op((new,), size // itemsize * chunk.tokens // max(1, tokens), itemsize=itemsize)
        if window is None:
            grown = self._lengthened(old, new, size // itemsize, itemsize)
        else:
            grown = self.op((*map(view, old), new), size // itemsize) if old else new
        self.kept.append(grown)
        self.after += size
        return view(grown)

    def _old(self, width: int, window: int | None, itemsize: int) -> list[Array]:
        """The cache as the chunk finds it; none at the beginning."""
        if not self.chunk.before:
            return []
        size = self._size(kept(self.chunk.before, window, self.chunk.tokens), width)
        old = stored(size // itemsize, itemsize)
        self.old.append(old)
        self.first += size
        return [old]

    def _lengthened(self, old: list[Array], new: Array, elements: int, itemsize: int) -> Array:
        """The old cache and empty memory, put together, with the chunk's written into it."""
        grown = self.op((self.scalar,), elements - sum(array.elements for array in old), itemsize=itemsize)
        if old:
            grown = Array((*old, grown), elements, itemsize, kernels=2)
        return self.op((grown, new), grown.elements, (0,), itemsize)

    def _size(self, tokens: int, width: int) -> int:
        """Bytes of a cache of so many tokens of each sequence."""
        form = self.chunk.quantised
        return self.chunk.sequences * (format_of(form).size((tokens, width)) if form else 2 * tokens * width)
