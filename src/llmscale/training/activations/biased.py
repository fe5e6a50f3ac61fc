"""Attention with a learnt bias by position in its scores, and dropout of its own: T5's.

Source: transformers 5.23.0 ``models/t5/modeling_t5.py`` (``T5Attention``), ``integrations/sdpa_attention.py``
(``create_position_bias_mask``): each layer makes a mask of its own from the bias that all share. ``dropout_rate`` is
a number of the class and not a module, so it stays where modules' dropout is turned off, as it is in all figures here.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.training.activations.attention import project
from llmscale.training.activations.composed import Parts, composed, dropped
from llmscale.training.activations.graph import Graph, Value, gradient
from llmscale.training.activations.matrix import linear
from llmscale.training.activations.ops import Setting, add, copy, heads, needed, scale


def attend_biased(
    graph: Graph, x: Value, block: Attention, prefix: str, setting: Setting, bias: Value, memory: Value
) -> Value:
    """A layer's attention, to `memory` where it crosses over, with `bias` in its scores."""
    crosses = block.source == "cross"
    qkv = project(graph, x, memory if crosses else x, block, prefix, setting)
    if setting.eager:
        made, shares = _by_parts(graph, *qkv, block, setting, bias)
    else:
        asked = qkv[1].elements // (setting.batch * block.heads * block.head_dim)
        mask = bias if crosses and not setting.masked else _own_mask(graph, block, setting, bias)
        parts = Parts(block.heads, block.head_dim, asked, scattered=True, mask=mask, drops=True)
        made, shares = composed(graph, *qkv, parts, setting), []
    out = linear(graph, made, block.heads * block.head_dim, block.hidden, f"{prefix}{block.names[-1]}", setting)
    graph.hold(x, *qkv, *shares)
    return out


def _own_mask(graph: Graph, block: Attention, setting: Setting, bias: Value) -> Value:
    """The bias where a token is attended to, of each sequence where these are padded; contiguous by heads."""
    elements = bias.elements * (setting.batch if setting.masked else 1)
    if not (setting.masked or block.cached):
        return copy(graph, bias)
    seen = [] if setting.masked else [graph.keep(setting.seq**2)]
    there = graph.make([bias], elements, bias.width, keeps=seen, undo=[gradient()])
    return copy(graph, there)


def _by_parts(
    graph: Graph, q: Value, k: Value, v: Value, block: Attention, setting: Setting, bias: Value
) -> tuple[Value, list[Value]]:
    several, v = setting.batch > 1, heads(graph, v)
    asked = k.elements // (setting.batch * block.heads * block.head_dim)
    squares = setting.rows * block.heads * asked
    left, right, values = (copy(graph, each) if several else each for each in (q, k, v))
    both = [gradient(0), gradient(1)]
    raw = scale(graph, graph.make([left, right], squares, q.width, keeps=needed(left, right), undo=both))
    scores = add(graph, raw, bias)
    scores = scale(graph, scores) if block.cached and block.source == "self" else scores
    soft = graph.make([scores], squares, scores.width, undo=[gradient()], keeps_output=True)
    shares = dropped(graph, soft)
    made = graph.make(
        [shares, values], v.elements // asked * setting.seq, q.width, keeps=needed(shares, values), undo=both
    )
    return copy(graph, made), [shares]
