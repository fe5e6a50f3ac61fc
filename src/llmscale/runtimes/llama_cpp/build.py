"""The graph that llama.cpp builds for the largest batch it will compute, from a model's facts.

Every function follows one of llama.cpp, in its order, since the order decides what is alive together. Left out is
what runs in place on the only use of its source (biases, scales, soft caps): it neither takes nor frees memory.

Source: llama.cpp commit 0c1e57098, src/llama-graph.cpp, src/llama-kv-cache.cpp and src/models/.
"""

from __future__ import annotations

from math import prod

from llmscale.runtimes.llama_cpp import gemma3n, gemma4, ops, recurrent, sparse
from llmscale.runtimes.llama_cpp.cells import CUDA_ALIGN, QUANTIZED, Settings, cells
from llmscale.runtimes.llama_cpp.facts import (
    Attention,
    DeltaNet,
    Experts,
    Facts,
    KimiDelta,
    Latent,
    Layer,
    Mamba,
    Mamba2,
    Mlp,
    ShortConv,
)
from llmscale.runtimes.llama_cpp.graph import Graph, Tensor, row_bytes
from llmscale.runtimes.llama_cpp.place import Place, Spot

#: Ways to join a layer's parts in which attention and feed-forward stand side by side.
PARALLEL = ("falcon", "phi2", "cohere", "neox")


class Inputs:
    """One cache's inputs: where to write, what to mask, and the rotation that quantised caches are stored in."""

    def __init__(self, facts: Facts, settings: Settings, tokens: int, count: int, windowed: bool) -> None:
        self.cells = count
        flash = settings.flash_attention
        widest = facts.widest_value
        streams = settings.streams
        self.k_ids = ops.given("i64", tokens)
        self.v_ids = ops.given("i64", tokens if flash else tokens * widest)
        self.mask = ops.given("f16" if flash else "f32", count, tokens // streams, 1, streams)
        self.k_rot = self.v_rot = None
        mixers = [layer.mixer for layer in facts.layers if layer.windowed == windowed]
        heads = [m for m in mixers if isinstance(m, Attention)]
        if heads:
            self.k_rot = rotation({a.key for a in heads}, settings.type_k, largest=True)
            self.v_rot = rotation({a.value for a in heads}, settings.type_v, largest=False)


def rotation(heads: set[int], kind: str, largest: bool) -> Tensor | None:
    """The Hadamard matrix that a quantised cache is rotated by: the largest that divides a head, or 64."""
    head = next(iter(heads))
    if kind not in QUANTIZED or len(heads) > 1 or head % 64:
        return None
    side = 64
    while largest and head % (2 * side) == 0:
        side *= 2
    return ops.given("f32", side, side)


class Builder:
    """Builds one graph; see the module."""

    def __init__(self, facts: Facts, settings: Settings, place: Place, layers: list[Spot], last: int) -> None:
        self.facts = facts
        self.settings = settings
        self.place = place
        self.layers = layers
        self.last = last
        self.host = place.host
        self.whole = self.host not in (last, *(spot.home for spot in layers))
        self.graph = Graph()
        self.tokens = -(-settings.ubatch // settings.n_seq) * settings.n_seq
        self.outputs = settings.outputs
        self.here = self.beyond = 0
        self.positions = ops.given("i32", self.tokens * facts.positions)
        self.temperature = ops.given("f32", 1, 1, self.tokens)
        self.picked = ops.given("i32", self.outputs)
        room = cells(facts, settings)
        self.full = Inputs(facts, settings, self.tokens, room.full, False)
        self.windowed = Inputs(facts, settings, self.tokens, room.window, True) if facts.window else self.full
        self.indexed: sparse.Inputs | None = None
        sequences = ops.given("i32", settings.n_seq)
        self.main, self.extra = ops.part(sequences, settings.n_seq), ops.part(sequences, 0)

    # ---------------------------------------------------------------- parts

    def weight(self, *shape: int) -> Tensor:
        """A weight of the layer at hand."""
        return ops.weight(self.here, self.place.weights, *shape)

    def linear(self, x: Tensor, width: int) -> Tensor:
        """A projection."""
        return ops.mul_mat(self.weight(x.ne[0], width), x)

    def norm(self, x: Tensor, layered: bool = True, kind: str = "") -> Tensor:
        """A norm and its scale; one inside a layer runs where the layer is when all layers are offloaded."""
        normed = ops.like("rms_norm" if (kind or self.facts.norm) == "rms" else "norm", x)
        if layered and self.whole:
            normed.pin = self.here
        return ops.like("mul", normed, ops.weight(self.here, "f32", x.ne[0]))

    def mlp(self, x: Tensor, width: int, form: str = "gated", moved: bool = False) -> Tensor:
        """A feed-forward (`build_ffn`)."""
        here, self.here = self.here, self.beyond if moved else self.here
        out = self._mlp(x, width, form)
        self.here = here
        return out

    def _mlp(self, x: Tensor, width: int, form: str) -> Tensor:
        match form:
            case "gated":
                up = self.linear(x, width)
                hidden = ops.glu(self.linear(x, width), up)
            case "fused":
                hidden = ops.glu(self.linear(x, 2 * width))
            case _:
                hidden = self.linear(x, width)
        return self.linear(hidden, self.facts.hidden)

    def experts(self, x: Tensor, e: Experts, logits: Tensor | None = None) -> Tensor:
        """A mixture of experts (`build_moe_ffn`), without the choice of groups first, which is small."""
        graph, tokens, hidden = self.graph, x.ne[1], self.facts.hidden
        logits = logits or self.linear(x, e.experts)
        probs = logits if e.router == "weights" else ops.like("soft_max" if e.router == "softmax" else "unary", logits)
        choice = ops.like("add", probs, self.weight(e.experts)) if e.biased else probs
        if e.before:
            choice = logits
        chosen = ops.argsort_top_k(choice, e.used)
        weights = ops.get_rows(ops.reshape(probs, 1, e.experts, tokens), chosen)
        if e.router == "weights":
            weights = ops.reshape(ops.like("soft_max", ops.reshape(weights, e.used, tokens)), 1, e.used, tokens)
        if e.normed:
            flat = ops.reshape(weights, e.used, tokens)
            weights = ops.reshape(ops.like("div", flat, ops.like("clamp", ops.sum_rows(flat))), 1, e.used, tokens)
        graph.expand(weights)
        x = ops.reshape(x, hidden, 1, tokens)
        if e.before:
            x = ops.like("mul", ops.repeat(x, hidden, e.used, tokens), weights)
        here, self.here = self.here, self.beyond
        width = 2 * e.width if e.merged else e.width
        up = self.chosen(x, width, e, chosen)
        if e.merged:
            gate, up = (ops.part(up, e.width, e.used, tokens) for _ in range(2))
            up = ops.glu(gate, up)
        elif e.gated:
            up = ops.glu(self.chosen(x, e.width, e, chosen), up)
        down = self.chosen(up, hidden, e, chosen)
        self.here = here
        if not e.before:
            down = ops.like("mul", down, weights)
        graph.expand(down)
        strides = down.strides
        parts = [ops.view(down, (hidden, tokens), (strides[0], strides[2])) for _ in range(e.used)]
        for one in parts:
            graph.expand(one)
        total = parts[0]
        for one in parts[1:]:
            total = ops.like("add", total, one)
            graph.expand(total)
        return total if e.used > 1 else ops.cont(total)

    def chosen(self, x: Tensor, width: int, e: Experts, ids: Tensor) -> Tensor:
        """A product with the chosen experts' matrices."""
        out = ops.mul_mat_id(self.weight(x.ne[0], width, e.experts), x, ids)
        return ops.like("add_id", out, ops.weight(self.here, "f32", width, e.experts), ids) if e.bias else out

    def feed_forward(self, x: Tensor, layer: Layer) -> Tensor:
        """What follows attention: a feed-forward, or a mixture with its shared expert."""
        match layer.ffn:
            case Mlp() as m:
                return self.mlp(x, m.width, m.form, moved=True)
            case Experts() as e:
                routed = self.experts(x, e)
                if not e.shared:
                    return routed
                gate = None
                if e.shared_gate == "silu":
                    logit = self.linear(x, 1)
                    gate = ops.like("div", ops.like("unary", logit), logit)
                shared = self.mlp(x, e.shared)
                if e.shared_gate == "sigmoid":
                    gate = ops.like("unary", self.linear(x, 1))
                if gate is not None:
                    shared = ops.like("mul", shared, gate)
                return ops.like("add", routed, shared)
            case None:
                return x

    # ---------------------------------------------------------------- attention

    def cache(self, kind: str, width: int, inputs: Inputs) -> Tensor:
        """One layer's cache of keys or values."""
        home = self.here if self.settings.kv_offload else self.host
        return ops.stored(home, kind, width, inputs.cells, self.settings.streams)

    def store(self, cache: Tensor, rows: Tensor, ids: Tensor) -> None:
        """Write a batch's keys or values, already one row a token, into a cache."""
        target = cache if cache.ne[2] == 1 else ops.reshape(cache, cache.ne[0], cache.ne[1] * cache.ne[2])
        self.graph.expand(ops.set_rows(target, rows, ids))

    def rotated(self, x: Tensor, matrix: Tensor) -> Tensor:
        """A product with the Hadamard matrix, head by head (`llama_mul_mat_hadamard`)."""
        side = matrix.ne[0]
        a, b, c, d = x.ne
        count = a * b * c * d // side
        flat = ops.reshape(x, side, count) if x.contiguous else ops.cont(x, side, count)
        return ops.reshape(ops.mul_mat(matrix, flat), a, b, c, d)

    def attend(self, q: Tensor, k: Tensor | None, v: Tensor | None, layer: Layer, a: Attention) -> Tensor:
        """Store K and V and attend to all cells (`build_attn` and `build_attn_mha`), without the last projection."""
        graph, s = self.graph, self.settings
        inputs = self.windowed if layer.windowed else self.full
        keys, values = a.kv_heads * a.key, a.kv_heads * a.value
        widest = values if s.flash_attention else self.facts.widest_value
        k_cache, v_cache = self.cache(s.type_k, keys, inputs), self.cache(s.type_v, widest, inputs)
        if inputs.k_rot:
            q = self.rotated(q, inputs.k_rot)
        if k is None or v is None:
            graph.expand(q)
        else:
            k = self.rotated(k, inputs.k_rot) if inputs.k_rot else k
            v = self.rotated(v, inputs.v_rot) if inputs.v_rot else v
            for tensor in (q, k, v) if self.facts.window else (q, v, k):
                graph.expand(tensor)
            self.store(k_cache, rows(k, keys), inputs.k_ids)
            if s.flash_attention:
                self.store(v_cache, rows(v, values), inputs.v_ids)
            else:
                flat = ops.reshape(v, values, self.tokens) if dense(v) else ops.cont(v, values, self.tokens)
                if values < widest:
                    flat = Tensor("pad", "f32", (widest, self.tokens, 1, 1), (flat,))
                single = ops.reshape(v_cache, 1, widest * inputs.cells * s.streams)
                graph.expand(ops.set_rows(single, ops.reshape(flat, 1, widest * self.tokens), inputs.v_ids))
        k_seen = heads_of(k_cache, a.key, a.kv_heads)
        v_seen = (
            heads_of(v_cache, a.value, a.kv_heads) if s.flash_attention else columns_of(v_cache, a.value, a.kv_heads)
        )
        sinks = self.weight(a.heads) if a.sinks else None
        out = self.mix(q, k_seen, v_seen, inputs.mask, sinks)
        return self.rotated(out, inputs.v_rot) if inputs.v_rot else out

    def mix(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, sinks: Tensor | None, decompress: int = 0) -> Tensor:
        """Attention proper; `decompress` is the width that latent values are expanded to."""
        streams = self.settings.streams
        a, b, c, _ = q.ne
        nb = q.strides
        q = ops.view(q, (a, b, c // streams, streams), (nb[0], nb[1], nb[2], nb[2] * (c // streams)))
        q, k, v = (ops.permute(x, 0, 2, 1, 3) for x in (q, k, v))
        expand = self.weight(v.ne[0], decompress, b) if decompress else None
        if self.settings.flash_attention:
            out = ops.flash_attention(q, k, v, mask, sinks)
            if self.place.cuda and self.place.devices:
                out.extra = converted(k, v, bool(decompress), out.bytes)
            if expand:
                out = ops.mul_mat(expand, ops.permute(out, 0, 2, 1, 3))
                out = ops.cont(ops.permute(out, 0, 2, 1, 3))
            out = ops.reshape(out, out.ne[0] * out.ne[1], out.ne[2] * out.ne[3])
        else:
            scores = ops.like("soft_max", ops.mul_mat(k, q), mask, *([sinks] if sinks else []))
            if expand:
                v = ops.cont(ops.transpose(v))
            out = ops.mul_mat(v, scores)
            if expand:
                out = ops.mul_mat(expand, out)
            out = ops.permute(out, 0, 2, 1, 3)
            out = ops.cont(out, out.ne[0] * out.ne[1], out.ne[2] * out.ne[3])
            if not self.settings.kv_offload:
                out.pin = self.host
        self.graph.expand(out)
        return out

    def attention(self, x: Tensor, layer: Layer, a: Attention) -> Tensor:
        """Q, K and V, the attention, and the projection back."""
        tokens = self.tokens
        widths = (a.heads * a.key, a.kv_heads * a.key, a.kv_heads * a.value)
        shapes = ((a.key, a.heads, tokens), (a.key, a.kv_heads, tokens), (a.value, a.kv_heads, tokens))
        if a.gate == "query":
            return self.gated_attention(x, layer, a)
        if a.borrowed:
            q = self.rope(self.norm(ops.reshape(self.linear(x, widths[0]), *shapes[0])))
            return self.linear(self.attend(q, None, None, layer, a), self.facts.hidden)
        gate = self.linear(x, a.heads * a.value) if a.gate else None
        if a.fused:
            whole = self.linear(x, sum(widths))
            row = whole.strides[1]
            if a.norm == "row":
                q, k, v = (ops.cont(ops.view(whole, (w, tokens), (4, row))) for w in widths)
            else:
                q, k, v = (ops.view(whole, shape, (4, 4 * shape[0], row)) for shape in shapes)
        else:
            q, k = self.linear(x, widths[0]), self.linear(x, widths[1])
            v = self.linear(x, widths[2]) if a.values == "own" else k
        if a.norm == "row":
            q, k = self.norm(q), self.norm(k)
        if a.norm == "row" or not a.fused:
            q, k, v = (ops.reshape(t, *shape) for t, shape in zip((q, k, v), shapes, strict=True))
        if a.norm == "head":
            q, k = self.norm(q), self.norm(k)
        if a.value_norm:
            v = ops.like("rms_norm", v)
        if a.rope:
            q, k = self.rope(q), self.rope(k)
        if self.facts.tempered == "all" or (self.facts.tempered and not a.rope):
            q = ops.like("mul", q, self.temperature)
        if a.norm == "late":
            q, k = self.norm(q), self.norm(k)
        out = self.attend(q, k, v, layer, a)
        if gate:
            out = ops.like("mul", out, ops.like("unary", gate))
        return self.linear(out, self.facts.hidden)

    def rope(self, x: Tensor) -> Tensor:
        """The rotation by position."""
        return ops.like("rope", x, self.positions)

    def gated_attention(self, x: Tensor, layer: Layer, a: Attention) -> Tensor:
        """Attention whose query projection makes a gate beside each head (Qwen3-Next)."""
        tokens, width = self.tokens, a.heads * a.key
        both = ops.reshape(self.linear(x, 2 * width), 2 * a.key, a.heads, tokens)
        k = ops.reshape(self.linear(x, a.kv_heads * a.key), a.key, a.kv_heads, tokens)
        v = ops.reshape(self.linear(x, a.kv_heads * a.value), a.value, a.kv_heads, tokens)
        q, gate = (ops.view(both, (a.key, a.heads, tokens), both.strides) for _ in range(2))
        out = self.attend(self.rope(self.norm(q)), self.rope(self.norm(k)), v, layer, a)
        return self.linear(ops.like("mul", out, ops.like("unary", ops.cont(gate, width, tokens))), self.facts.hidden)

    def latent_attention(self, x: Tensor, layer: Layer, a: Latent) -> Tensor:
        """Multi-head latent attention with the key's projection absorbed into the query (`deepseek2`)."""
        graph, tokens, s = self.graph, self.tokens, self.settings
        compressed = self.norm(self.linear(x, a.q_rank)) if a.q_rank else x
        mask = self.full.mask
        if a.indexer:
            self.indexed = self.indexed or sparse.Inputs(self, a.indexer)
            mask = sparse.masked(mask, sparse.best(self, x, compressed, a.indexer, self.indexed))
        q = ops.reshape(self.linear(compressed, a.heads * (a.nope + a.rope)), a.nope + a.rope, a.heads, tokens)
        both = self.linear(x, a.kv_rank + a.rope)
        row = both.strides[1]
        latent = ops.view(both, (a.kv_rank, tokens), (4, row))
        k_rope = ops.view(both, (a.rope, 1, tokens), (4, row, row))
        q_nope, q_rope = (ops.view(q, (width, a.heads, tokens), q.strides) for width in (a.nope, a.rope))
        if a.rotated:
            q_rope, k_rope = self.rope(q_rope), self.rope(k_rope)
        latent = self.norm(latent)
        absorbed = ops.mul_mat(self.weight(a.nope, a.kv_rank, a.heads), ops.permute(q_nope, 0, 2, 1, 3))
        q = ops.concat(ops.permute(absorbed, 0, 2, 1, 3), q_rope, 0)
        v = ops.reshape(latent, a.kv_rank, 1, tokens)
        k = ops.concat(v, k_rope, 0)
        for tensor in (q, v, k):
            graph.expand(tensor)
        width = a.kv_rank + a.rope
        cache = self.cache(s.type_k, width, self.full)
        self.store(cache, rows(k, width), self.full.k_ids)
        seen = heads_of(cache, width, 1)
        v = ops.view(seen, (a.kv_rank, *seen.ne[1:]), seen.strides)
        out = self.mix(q, seen, v, mask, None, decompress=a.value)
        return self.linear(out, self.facts.hidden)

    # ---------------------------------------------------------------- the whole

    def mixer(self, x: Tensor, layer: Layer) -> Tensor:
        """Attention, or what stands in its place."""
        match layer.mixer:
            case Attention() as a:
                return self.attention(x, layer, a)
            case Latent() as a:
                return self.latent_attention(x, layer, a)
            case Mamba() as m:
                return recurrent.mamba(self, x, layer, m)
            case Mamba2() as m:
                return recurrent.mamba2(self, x, layer, m)
            case DeltaNet() as m:
                return recurrent.delta_net(self, x, layer, m)
            case KimiDelta() as m:
                return recurrent.kimi_delta(self, x, layer, m)
            case ShortConv() as m:
                return recurrent.short_conv(self, x, layer, m)
            case None:
                return x

    def pick(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The rows whose logits are wanted."""
        return tuple(ops.get_rows(tensor, self.picked) for tensor in tensors)

    def serial(self, x: Tensor, layer: Layer, last: bool) -> Tensor:
        """Attention, then the feed-forward, each added to what came in."""
        post = self.facts.post_norm
        normed = x if self.facts.residual == "unnormed" else self.norm(x)
        if self.facts.eager:
            self.graph.expand(normed)
        if layer.mixer is None or layer.ffn is None:
            out = self.feed_forward(normed, layer) if layer.ffn else self.mixer(normed, layer)
            if last:
                out, x = self.pick(out, x)
            return ops.like("add", out, x)
        out = self.mixer(normed, layer)
        if layer.beside:
            out = ops.like("add", out, recurrent.mamba2(self, self.norm(x), layer, layer.beside))
        if last and self.facts.rows == "last":
            out, x = self.pick(out, x)
        if post:
            out = self.norm(out)
        first = self.facts.residual in ("onto first", "onto both")
        x = ops.like("add", x, out) if first else ops.like("add", out, x)
        if last and self.facts.rows == "added":
            (x,) = self.pick(x)
        out = self.feed_forward(x if self.facts.residual == "unnormed" else self.norm(x), layer)
        if post:
            out = self.norm(out, layered=False)
        return ops.like("add", x, out) if self.facts.residual in ("onto", "onto both") else ops.like("add", out, x)

    def arctic(self, x: Tensor, layer: Layer, last: bool) -> Tensor:
        """A feed-forward after attention, and a mixture of experts beside both (Arctic)."""
        out = self.mixer(self.norm(x), layer)
        if last:
            out, x = self.pick(out, x)
        after = ops.like("add", out, x)
        assert isinstance(layer.ffn, Experts)
        after = ops.like("add", self.mlp(self.norm(after), layer.ffn.dense), after)
        return ops.like("add", self.experts(self.norm(x), layer.ffn), after)

    def parallel(self, x: Tensor, layer: Layer, last: bool) -> Tensor:
        """Attention and feed-forward side by side on the same normalised input (Falcon, Phi-2, Command R)."""
        normed = self.norm(x)
        out = self.mixer(normed, layer)
        if self.facts.residual == "neox":
            if last:
                out, x = self.pick(out, x)
            return ops.like("add", ops.like("add", self.feed_forward(self.norm(x), layer), x), out)
        if last:
            out, x, normed = self.pick(out, x, normed)
        forward = self.feed_forward(normed, layer)
        match self.facts.residual:
            case "falcon":
                return ops.like("add", ops.like("add", forward, out), x)
            case "phi2":
                return ops.like("add", ops.like("add", out, forward), x)
            case _:
                return ops.like("add", ops.like("add", forward, x), out)

    def build(self) -> Graph:
        """The graph of a batch."""
        graph, facts = self.graph, self.facts
        self.here = self.host
        x = ops.get_rows(self.weight(facts.hidden, facts.vocab), ops.given("i32", self.tokens))
        room = facts.hidden * (1 + facts.deepstack)
        if facts.deepstack:
            x = Tensor("pad", "f32", (room, self.tokens, 1, 1), (x,))
        graph.expand(x)
        graph.expand(ops.given("f32", room, self.tokens))
        embedded = x
        if facts.deepstack:
            x = ops.part(x, facts.hidden, self.tokens)
        if facts.scaled:
            x = ops.like("scale", x)
        if facts.scaled == "first":
            graph.expand(x)
        if facts.embedded_positions:
            x = ops.like("add", x, ops.get_rows(self.weight(facts.hidden, 1), self.positions))
        if facts.embedding_norm:
            self.here = self.layers[0].home
            x = self.norm(x)
        join = self.arctic if facts.residual == "arctic" else self.serial
        finish = None
        if facts.residual in PARALLEL:
            join = self.parallel
        elif facts.residual == "gemma4":
            join = gemma4.Layers(self, x).join
        elif facts.residual == "gemma3n":
            versions = gemma3n.Layers(self, x)
            x, join, finish = versions.start, versions.join, versions.finish
        for number, spot in enumerate(self.layers):
            self.here, self.beyond = spot.home, spot.ffn
            x = join(x, spot.layer, facts.rows in ("last", "added") and number + 1 == len(self.layers))
            if spot.deep:
                x = ops.like("add", x, ops.part(embedded, facts.hidden, self.tokens))
        if finish:
            x = finish(x)
        self.here = self.last
        if facts.kept == "hidden":
            x.output = True
        if facts.rows == "end":
            (x,) = self.pick(x)
        x = self.norm(x, layered=False)
        x.output = True
        if facts.rows == "norm":
            (x,) = self.pick(x)
            x.output = True
        x = self.linear(x, facts.vocab)
        x.output = True
        graph.expand(x)
        return graph


def rows(x: Tensor, width: int) -> Tensor:
    """Heads of a token side by side: one row a token."""
    return ops.view(x, (width, x.ne[2]), (x.strides[0], x.strides[2]))


def dense(x: Tensor) -> bool:
    """Whether the heads of a token, and the tokens, follow each other without a gap."""
    return x.ne[0] * x.ne[1] * 4 == x.strides[2]


def heads_of(cache: Tensor, head: int, count: int) -> Tensor:
    """A cache seen as heads: (head, heads, cells, streams)."""
    width, room, streams, _ = cache.ne
    kind = cache.kind
    row = row_bytes(kind, width)
    return ops.view(cache, (head, count, room, streams), (cache.strides[0], row_bytes(kind, head), row, row * room))


def columns_of(cache: Tensor, head: int, count: int) -> Tensor:
    """A cache of values stored by column, as attention without flash wants it: (cells, heads, head, streams)."""
    width, room, streams, _ = cache.ne
    row = row_bytes(cache.kind, room)
    return ops.view(cache, (room, count, head, streams), (cache.strides[0], row * head, row, row * width))


def converted(k: Tensor, v: Tensor, shared: bool, size: int) -> int:
    """Bytes behind the result of attention where CUDA keeps f16 copies of a quantised cache for a prompt's batch.

    Source: ggml/src/ggml-cuda/fattn-common.cuh (`ggml_cuda_flash_attn_ext_get_f16_extra_data`).
    """
    end = size
    for cache in (k,) if shared else (k, v):
        if cache.kind != "f16":
            end = -(-end // CUDA_ALIGN) * CUDA_ALIGN + 2 * prod(cache.ne)
    return end - size
