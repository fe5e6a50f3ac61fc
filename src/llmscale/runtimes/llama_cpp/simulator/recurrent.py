"""The layers that keep a state: Mamba, Mamba-2 and the gated delta net, as parts of a graph.

Source: llama.cpp commit 0c1e57098, src/models/mamba-base.cpp, src/models/delta-net-base.cpp,
src/models/qwen3next.cpp, src/models/qwen35.cpp and `build_rs` of src/llama-graph.cpp.
"""

from __future__ import annotations

from collections.abc import Callable

from llmscale.runtimes.llama_cpp.facts import (
    DeltaNetFacts,
    KimiDeltaFacts,
    LayerFacts,
    Mamba2Facts,
    MambaFacts,
    ShortConvFacts,
)
from llmscale.runtimes.llama_cpp.simulator import ops
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor

Reader = Callable[[GraphTensor, GraphTensor], GraphTensor]


def load(ctx: GraphContext, state: GraphTensor, read: Reader = ops.get_rows) -> GraphTensor:
    """The states of the sequences at hand, and the copy of those that are not (`build_rs`); here there are none.

    One state is set to zero in place, which takes no memory but says where its neighbours run.
    """
    cleared = ops.part(state, state.ne[0])
    ctx.graph.expand(ops.view_of("scale", cleared, cleared.ne, cleared.nb))
    seen = ops.reshape(state, *state.ne)
    result = read(seen, ctx.sequences)
    ctx.graph.expand(result)
    others = ops.get_rows(seen, ctx.other_sequences)
    ctx.graph.expand(ops.copy_to(others, ops.part(state, state.ne[0], 0)))
    return result


def states(ctx: GraphContext, layer: LayerFacts) -> tuple[GraphTensor, GraphTensor]:
    """Where a layer keeps the convolution's last inputs, and its recurrence."""
    device = ctx.device if ctx.settings.kv_offload else ctx.host
    conv, recurrent = layer.state()
    return ops.stored(device, "f32", conv, ctx.settings.n_seq), ops.stored(device, "f32", recurrent, ctx.settings.n_seq)


def convolve(ctx: GraphContext, x: GraphTensor, kept: GraphTensor, kernel: int) -> GraphTensor:
    """A causal convolution over each sequence, and its last inputs kept: (channels, tokens, sequences)."""
    channels, tokens, sequences, _ = x.ne
    before = ops.reshape(load(ctx, kept), kernel - 1, channels, sequences)
    both = ops.concat(before, ops.transpose(x), 0)
    ctx.graph.expand(ops.copy_to(ops.part(both, kernel - 1, channels, sequences), ops.part(kept, *kept.ne)))
    return GraphTensor("ssm_conv", "f32", (channels, tokens, sequences, 1), (both, ctx.weight(kernel, channels)))


def scan(
    ctx: GraphContext, state: GraphTensor, x: GraphTensor, dt: GraphTensor, keys: GraphTensor, queries: GraphTensor
) -> GraphTensor:
    """The selective scan: its outputs, then the new states, in one tensor; the states are stored."""
    size = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3]
    total = size + state.ne[0] * state.ne[1]

    def read(kept: GraphTensor, ids: GraphTensor) -> GraphTensor:
        kept = ops.reshape(kept, *kept.ne)
        return GraphTensor("ssm_scan", "f32", (total, 1, 1, 1), (kept, x, dt, ctx.weight(1), keys, queries, ids))

    both = load(ctx, state, read)
    ctx.graph.expand(ops.copy_to(ops.part(both, total - size), ops.part(state, *state.ne)))
    return both


def mamba(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, m: MambaFacts) -> GraphTensor:
    """Mamba (`build_mamba_layer`)."""
    kept, state = states(ctx, layer)
    sequences = ctx.settings.n_seq
    tokens = ctx.tokens // sequences
    both = ctx.linear(ops.reshape(x, x.ne[0], tokens, sequences), 2 * m.inner)
    mixed, gate = (ops.part(both, m.inner, tokens, sequences) for _ in range(2))
    mixed = convolve(ctx, mixed, kept, m.conv)
    small = ctx.linear(mixed, m.dt_rank + 2 * m.state)
    row, sequence, _ = small.steps
    dt = ops.part(small, m.dt_rank, tokens, sequences)
    keys, queries = (ops.view(small, (m.state, 1, tokens, sequences), (4 * m.state, row, sequence)) for _ in range(2))
    if m.norms:
        dt, keys, queries = (ctx.norm(part) for part in (dt, keys, queries))
    else:
        dt = ops.cont(dt)
    dt = ctx.linear(dt, m.inner)
    both = scan(ctx, state, ops.reshape(mixed, 1, m.inner, tokens, sequences), dt, keys, queries)
    y = ops.view(both, (m.inner, tokens, sequences))
    y = ops.like("add", y, ops.like("mul", mixed, ctx.weight(m.inner)))
    y = ops.glu(ops.cont(gate), y)
    return ops.reshape(ctx.linear(y, ctx.facts.hidden), ctx.facts.hidden, ctx.tokens)


def mamba2(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, m: Mamba2Facts) -> GraphTensor:
    """Mamba-2 (`build_mamba2_layer`)."""
    kept, state = states(ctx, layer)
    sequences = ctx.settings.n_seq
    tokens = ctx.tokens // sequences
    inner, shared = m.heads * m.head, m.groups * m.state
    whole = ctx.linear(x, 2 * inner + 2 * shared + m.heads)
    whole = ops.reshape(whole, whole.ne[0], tokens, sequences)
    row, sequence, _ = whole.steps
    gate = ops.view(whole, (m.head, m.heads, tokens, sequences), (4 * m.head, row, sequence))
    mixed = ops.part(whole, inner + 2 * shared, tokens, sequences)
    dt = ops.part(whole, m.heads, tokens, sequences)
    mixed = convolve(ctx, mixed, kept, m.conv)
    row, sequence, _ = mixed.steps
    values = ops.view(mixed, (m.head, m.heads, tokens, sequences), (4 * m.head, row, sequence))
    keys, queries = (
        ops.view(mixed, (m.state, m.groups, tokens, sequences), (4 * m.state, row, sequence)) for _ in range(2)
    )
    both = scan(ctx, state, values, ops.cont(dt), keys, queries)
    y = ops.view(both, (m.head, m.heads, tokens, sequences))
    y = ops.like("add", y, ops.like("mul", values, ctx.weight(1, m.heads)))
    y = ops.glu(ops.cont(gate), y)
    if m.norm:
        y = ctx.norm(ops.reshape(y, inner // m.groups, m.groups, tokens, sequences), kind="rms")
    return ctx.linear(ops.reshape(y, inner, ctx.tokens), ctx.facts.hidden)


def beta_alpha(
    ctx: GraphContext, x: GraphTensor, m: DeltaNetFacts, tokens: int, sequences: int
) -> tuple[GraphTensor, GraphTensor]:
    """How much of each value is written, and how much of the memory is kept: one number a head each."""
    shape = (1, m.value_heads, tokens, sequences)
    if m.mixed:
        each = m.value_heads // m.key_heads
        both = ops.reshape(ctx.linear(x, 2 * m.value_heads), 2 * each, m.key_heads, tokens, sequences)
        one, other = (ops.view(both, (each, m.key_heads, tokens, sequences), both.steps) for _ in range(2))
        beta, alpha = ops.cont(one), ops.cont(other, m.value_heads, tokens, sequences)
        return ops.reshape(beta, *shape), ops.reshape(alpha, *shape)
    beta = ops.like("unary", ops.reshape(ctx.linear(x, m.value_heads), *shape))
    alpha = ops.reshape(ctx.linear(x, m.value_heads), m.value_heads, tokens, sequences)
    alpha = ops.like("unary", ops.like("add", alpha, ctx.weight(m.value_heads)))
    return beta, ops.reshape(ops.like("mul", alpha, ctx.weight(m.value_heads)), *shape)


def repeated(x: GraphTensor, m: DeltaNetFacts, tokens: int, sequences: int) -> GraphTensor:
    """Keys repeated for each value head of their group."""
    each = m.value_heads // m.key_heads
    flat = ops.reshape(x, m.head, 1, m.key_heads, tokens * sequences)
    wide = ops.repeat(flat, m.head, each, m.key_heads, tokens * sequences)
    return ops.reshape(wide, m.head, m.value_heads, tokens, sequences)


def delta_net(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, m: DeltaNetFacts) -> GraphTensor:
    """A gated delta net (Qwen3-Next, Qwen3.5) in one operation, the recurrence being computed by chunks inside it."""
    kept, state = states(ctx, layer)
    sequences = ctx.settings.n_seq
    tokens = ctx.tokens // sequences
    keys, values = m.key_heads * m.head, m.value_heads * m.head
    mixed = ctx.linear(x, 2 * keys + values)
    mixed = ops.reshape(mixed, 2 * keys + values, tokens, sequences)
    gate = ctx.linear(x, values)
    beta, alpha = beta_alpha(ctx, x, m, tokens, sequences)
    mixed = ops.like("unary", convolve(ctx, mixed, kept, m.conv))
    memory = ops.reshape(load(ctx, state), m.head, m.head, m.value_heads, sequences)
    row, sequence, _ = mixed.steps
    q, k, v = (
        ops.view(mixed, (m.head, heads, tokens, sequences), (4 * m.head, row, sequence))
        for heads in (m.key_heads, m.key_heads, m.value_heads)
    )
    q, k = ops.like("rms_norm", q), ops.like("rms_norm", k)
    if m.mixed and m.key_heads != m.value_heads:
        q, k = (repeated(part, m, tokens, sequences) for part in (q, k))
    both = GraphTensor(
        "delta_net", "f32", (values, tokens * sequences + m.head * sequences, 1, 1), (q, k, v, alpha, beta, memory)
    )
    y = ops.view(both, (m.head, m.value_heads, tokens, sequences))
    new = ops.view(both, (m.head, m.head, m.value_heads, sequences))
    ctx.graph.expand(ops.copy_to(new, ops.part(state, *state.ne)))
    y = ctx.norm(y, kind="rms")
    y = ops.like("mul", y, ops.like("unary", ops.reshape(gate, m.head, m.value_heads, tokens, sequences)))
    y = ctx.linear(ops.reshape(y, values, tokens, sequences), ctx.facts.hidden)
    return ops.reshape(y, ctx.facts.hidden, ctx.tokens)


def kimi_delta(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, m: KimiDeltaFacts) -> GraphTensor:
    """Kimi's delta attention (`kimi-linear`)."""
    kept, state = states(ctx, layer)
    sequences = ctx.settings.n_seq
    tokens, inner, taps = ctx.tokens // sequences, m.heads * m.head, m.conv - 1
    before = load(ctx, kept)
    sequence, *_ = before.steps
    q, k, v = (
        _channel(ctx, ops.reshape(ctx.linear(x, inner), inner, tokens, sequences), before, kept, (taps, sequence), m)
        for _ in range(3)
    )
    decay = ops.like("add", ctx.linear(ctx.linear(x, m.head), inner), ctx.weight(inner))
    decay = ops.like("mul", ops.reshape(decay, m.head, m.heads, ctx.tokens), ctx.weight(1, m.heads))
    decay = ops.reshape(decay, m.head, m.heads, tokens, sequences)
    beta = ops.like("unary", ops.reshape(ctx.linear(x, m.heads), 1, m.heads, tokens, sequences))
    memory = ops.reshape(load(ctx, state), m.head, m.head, m.heads, sequences)
    q, k = ops.like("rms_norm", q), ops.like("rms_norm", k)
    both = GraphTensor(
        "delta_net", "f32", (inner, tokens * sequences + m.head * sequences, 1, 1), (q, k, v, decay, beta, memory)
    )
    out = ops.cont(ops.view(both, (m.head, m.heads, tokens, sequences)))
    new = ops.view(both, (m.head, m.head, m.heads, sequences))
    ctx.graph.expand(ops.copy_to(new, ops.part(state, *state.ne)))
    gate = ops.reshape(ctx.linear(ctx.linear(x, m.head), inner), m.head, m.heads, ctx.tokens)
    normed = ctx.norm(ops.reshape(out, m.head, m.heads, ctx.tokens), kind="rms")
    gated = ops.like("mul", normed, ops.like("unary", gate))
    return ctx.linear(ops.cont(gated, inner, ctx.tokens), ctx.facts.hidden)


def _channel(
    ctx: GraphContext, x: GraphTensor, before: GraphTensor, kept: GraphTensor, state: tuple[int, int], m: KimiDeltaFacts
) -> GraphTensor:
    """One of Q, K and V convolved, its part of the state stored."""
    channels, tokens, sequences, _ = x.ne
    taps, sequence = state
    shape, steps = (taps, channels, sequences), (4 * taps, sequence)
    both = ops.concat(ops.view(before, shape, steps), ops.transpose(x), 0)
    ctx.graph.expand(ops.copy_to(ops.part(both, *shape), ops.view(kept, shape, steps)))
    out = GraphTensor("ssm_conv", "f32", (channels, tokens, sequences, 1), (both, ctx.weight(m.conv, channels)))
    out = ops.like("unary", ops.reshape(out, channels, tokens * sequences))
    return ops.reshape(out, m.head, m.heads, tokens, sequences)


def short_conv(ctx: GraphContext, x: GraphTensor, layer: LayerFacts, m: ShortConvFacts) -> GraphTensor:
    """A short convolution between two gates (LFM2)."""
    kept, _ = states(ctx, layer)
    sequences = ctx.settings.n_seq
    tokens = ctx.tokens // sequences
    three = ctx.linear(ops.reshape(x, x.ne[0], tokens, sequences), 3 * m.channels)
    before, after, value = (ops.part(three, m.channels, tokens, sequences) for _ in range(3))
    mixed = convolve(ctx, ops.like("mul", before, value), kept, m.conv)
    return ops.reshape(ctx.linear(ops.like("mul", after, mixed), ctx.facts.hidden), ctx.facts.hidden, ctx.tokens)
