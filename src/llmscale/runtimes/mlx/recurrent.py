"""Recurrent layers in MLX's graph: their matrices, a convolution and one operation more.

Read in mlx-lm 0.32.2, ``qwen3_next.py`` and ``ssm.py`` of ``mlx_lm/models``. Mamba-2's scan is made of matrices.
"""

from __future__ import annotations

from llmscale.runtimes.mlx.encoder import Array, view
from llmscale.runtimes.mlx.graph import Graph
from llmscale.runtimes.mlx.parts import Recur

#: Tokens of a step of Mamba-2's scan (``ssm_attn``), operations that make its decay, and those of a convolution: the
#: earlier inputs put before, the convolution and its activation.
SCAN, DECAY, CONVOLUTION = 256, 4, 2


def recur(mixer: Recur, graph: Graph, source: Array) -> Array:
    """All matrices but the last, the convolution, the recurrence, a gate, and the last matrix."""
    outputs, inputs = mixer.matrices[-1]
    size = graph.chunk.rows * inputs
    first, *others = [graph.matrix(source, *sizes) for sizes in mixer.matrices[:-1]] or [source]
    convolved = first
    for _ in range(CONVOLUTION):
        convolved = graph.op((convolved,), first.elements)
    core = _scan(graph, convolved, size, mixer.heads) if mixer.heads else graph.op((convolved, *others), size)
    core = graph.op((core, view(first)), core.elements, (0,))
    return graph.matrix(core, outputs, inputs)


def _scan(graph: Graph, source: Array, elements: int, heads: int) -> Array:
    """Mamba-2's: in steps of 256 tokens, each an FP32 matrix of tokens by tokens for every head."""
    chunk, pieces = graph.chunk, []
    for start in range(0, chunk.tokens, SCAN):
        tokens = min(SCAN, chunk.tokens - start)
        square = chunk.sequences * heads * tokens * tokens
        products = graph.op((source,), square, itemsize=4)
        decay = source
        for _ in range(DECAY):
            decay = graph.op((decay,), square, (0,) if decay is not source else (), 4)
        products = graph.op((products, decay), square, (0, 1), 4)
        products = graph.op((products,), square, (0,), 4)
        pieces.append(graph.op((products, source), elements * tokens // chunk.tokens))
    return graph.op(tuple(pieces), elements)
