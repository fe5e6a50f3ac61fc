"""Losses that make logits in parts, or none of them: what they keep, and what they take while they run.

Sources: torchtune 0.6.1 ``modules/loss/ce_chunked_output_loss.py`` (logits of eight parts of a sequence, one of which
at a time is in FP32), not compiled; Liger-Kernel 0.8.5 ``ops/fused_linear_cross_entropy.py`` (gradients are made on the
way there, by parts that take no more logits than hidden states; on CUDA a part's products are added in place);
apple/ml-cross-entropy ``cut_cross_entropy/cce.py`` (``save_for_backward``; ``accum_e_fp32`` off; the mean logit of each
entry of the vocabulary, by which its way back skips blocks, is left out); TRL 1.16.0 ``kernels/chunked_logprob.py``,
``trainer/utils.py`` (``add_fused_lm_head``).
"""

from __future__ import annotations

from collections.abc import Callable

from llmscale.model.blocks.embedding import Head
from llmscale.training.activations.graph import Graph, Value, gradient, weight, work
from llmscale.training.activations.ops import FP32, HALF, INT64, Setting, cast

#: Parts of a sequence that torchtune takes.
CHUNKS = 8
BOOL = 1
#: Tokens and entries of the vocabulary of one of TRL's tiles.
TILE_TOKENS, TILE_VOCABULARY = 4096, 32768


def chunked(graph: Graph, states: Value, head: Head, setting: Setting) -> Value:
    """Logits of each part in 16 bits at once, then each in FP32 for its own share of the loss."""
    longest = -(-setting.seq // CHUNKS)
    lengths = [min(longest, setting.seq - start) for start in range(0, setting.seq, longest)]
    parts = graph.view(states, [setting.batch * length * head.hidden for length in lengths], [gradient()])
    logits = [_logits(graph, part, head, part is parts[-1], setting) for part in parts]
    shares = []
    for each in logits:
        wide = cast(graph, each, FP32, logits)
        chances = graph.make([wide], each.elements, FP32, undo=[gradient()], keeps_output=True, holds=logits)
        shares.append(graph.make([chances], 1, FP32, undo=[gradient()], holds=[*logits, wide]))
    labels = graph.keep(setting.rows * INT64 + FP32)
    undo = [gradient(number) for number in range(len(shares))]
    return graph.make(shares, 1, FP32, keeps=[labels], undo=undo, holds=logits)


def _logits(graph: Graph, x: Value, head: Head, last: bool, setting: Setting) -> Value:
    """Of a part; the last is the first to have a gradient of the matrix, to which each of the others adds its own.

    Their sum is a third, made when the gradient of the logits is gone.
    """
    matrix, elements = head.vocab * head.hidden * setting.width, x.elements // head.hidden * head.vocab
    added = work(max(matrix, 2 * matrix - elements * x.width))
    own = [weight(matrix) if last else added] if setting.trains else []
    keeps = [x] if setting.trains else []
    return graph.make([x], elements, x.width, keeps=keeps, undo=[gradient(), *own], trains=setting.trains)


def liger(graph: Graph, states: Value, head: Head, setting: Setting) -> Value:
    """Gradients of states and matrix are made at once and handed on; logits are there part by part."""
    matrix = head.vocab * head.hidden * setting.width if setting.trains else 0
    made = graph.keep(states.size + matrix)
    few = -(-setting.rows // -(-head.vocab // head.hidden))
    part = min(1 << (few - 1).bit_length(), setting.rows)
    spare = part * head.vocab * setting.width + setting.rows * (FP32 + BOOL)
    own = [weight(matrix)] if setting.trains else []
    undo = [work(-made.size), gradient(), *own]
    return graph.make([states], 1, FP32, keeps=[made], undo=undo, trains=setting.trains, spare=spare)


def cut(graph: Graph, states: Value, head: Head, setting: Setting) -> Value:
    """From hidden states: they, a log-sum-exp a token and the labels are kept, and no logits are made."""
    own = [weight(head.vocab * head.hidden * setting.width)] if setting.trains else []
    sums = graph.keep(setting.rows * (FP32 + INT64))
    return graph.make([states], 1, FP32, keeps=[states, sums], undo=[gradient(), *own], trains=setting.trains)


def trl(graph: Graph, states: Value, head: Head, setting: Setting) -> Value:
    """Log-probabilities of tokens that answer, by tiles of logits that are made again on the way back.

    Gradients are summed in FP32 and then brought to the format of what they are of.
    """
    answering = setting.batch * min(setting.scored or setting.seq, setting.seq - 1)
    narrow = HALF if setting.autocast else setting.width
    before = graph.view(states, [states.elements], [gradient()])[0]
    places = graph.keep(2 * answering * INT64)
    chosen = graph.make([before], answering * head.hidden, states.width, keeps=[places], undo=[gradient()])
    kept = graph.keep(answering * (INT64 + FP32))
    tile = min(answering, TILE_TOKENS) * min(TILE_VOCABULARY, head.vocab) * narrow
    matrix = head.vocab * head.hidden
    wide = FP32 * (chosen.elements + matrix * setting.trains) if setting.width != FP32 else 0
    if narrow != setting.width:  # under autocast: a part of the matrix and of the states
        tile += (TILE_VOCABULARY + min(answering, TILE_TOKENS)) * head.hidden * narrow
    own = [weight(matrix * setting.width)] if setting.trains else []
    undo = [work(wide + tile), gradient(), *own]
    keeps, still = [chosen, kept], [states]
    return graph.make([chosen], answering, FP32, keeps=keeps, undo=undo, trains=setting.trains, spare=tile, holds=still)


#: --loss -> what stands in the stead of a head and the loss of its logits.
LOSSES: dict[str, Callable[[Graph, Value, Head, Setting], Value]] = {
    "chunked": chunked,
    "liger": liger,
    "cut": cut,
    "trl": trl,
}
#: Those that are known under autocast too.
UNDER_AUTOCAST = ("trl",)
