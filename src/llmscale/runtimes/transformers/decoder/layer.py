"""One layer of a decoder: norms, mixers and residuals in the order of its class's ``forward``."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.model.blocks.mlp import GatedMlp
from llmscale.runtimes.transformers.attention.cache import kept, stored
from llmscale.runtimes.transformers.blocks import Pass, trace
from llmscale.runtimes.transformers.decoder.layers import DecoderLayer
from llmscale.runtimes.transformers.parts import Part
from llmscale.runtimes.transformers.tape import Buffer

#: Norm, attention, norm, MLP: the order of Llama and of most since.
USUAL = "NMNM"


def trace_layer(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """What the layer has alive of what it is `given`; its cache and scores go with it, the caller counts them on."""
    mark = run.tape.mark()
    forward = _altup if run.style.streams > 1 else ORDERS[layer.pattern]
    forward(run, layer, given)
    run.tape.leave(mark)


def _in_turn(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """Every mixer with a norm before it, behind it or both, and a residual around."""
    _add_mixers(run, layer, layer.mixers, given, given)


def _add_mixers(run: Pass, layer: DecoderLayer, mixers: Iterable[Part], given: Buffer, residual: Buffer) -> None:
    """The `residual` with what each of `mixers` makes of it; what the layer was `given` is the caller's."""
    usual = layer.pattern == USUAL
    for number, part in enumerate(mixers):
        inputs = run.normed("normed input") if layer.pattern[0] == "N" else residual
        out = trace(part, run, inputs)
        if inputs is not residual and not (run.style.input_kept and usual and not number):
            run.tape.free(inputs)
        if layer.pattern[-1] == "N":
            raw, out = out, run.normed("normed output")
            run.tape.free(raw)
        added = run.stream("residual")
        if not (run.style.attention_kept and usual):
            run.tape.free(out)
        if residual is not given:
            run.tape.free(residual)
        residual = added


def _parallel(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """Attention and MLP of the same input, after one norm or one each (GPT-J, Falcon)."""
    attention, mlp = layer.mixers
    inputs = run.normed("normed input")
    trace(attention, run, inputs)
    if layer.pattern.startswith("NN"):
        run.tape.free(inputs)
        inputs = run.normed("normed input")
    trace(mlp, run, inputs)
    run.states("sum of both")
    run.states("output of the layer")


def _scan_and_attention(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """Falcon-H1: Mamba-2 and attention of the same input, then the MLP."""
    scan, attention, *others = layer.mixers
    inputs = run.normed("normed input")
    # While the scan runs, the layer's own cache is there as the step found it.
    own = layer.cached_bytes(run.step, kept if run.step.static else stored)
    before_it = run.tape.hold("KV cache of the layer", own if run.step.past or run.step.static else 0)
    scanned, scaled = trace(scan, run, inputs), run.states("scaled output")
    run.tape.free(scanned, before_it)
    attended = trace(attention, run, run.states("scaled input"))
    run.states("scaled output")
    run.tape.free(attended)
    summed = run.states("sum of both")
    residual = run.states("residual")
    run.tape.free(inputs, scaled, summed)
    _add_mixers(run, layer, others, given, residual)


def _mlp_and_experts(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """Gemma 4: attention, then MLP and experts beside each other, each with norms of its own."""
    attention, mlp, experts = layer.mixers
    _add_mixers(run, layer, [attention], given, given)
    inputs = run.normed("normed input")
    dense = trace(mlp, run, inputs)
    run.tape.free(inputs)
    run.normed("normed output of the MLP")
    run.tape.drop("softmax")  # the variable that held the scores is the router's now
    inputs = run.normed("normed input of the experts")
    routed = trace(experts, run, inputs)
    run.tape.free(inputs)
    run.normed("normed output of the experts")
    run.tape.free(routed)
    run.states("sum of both")
    run.tape.free(dense)
    run.normed("normed output")
    run.states("residual")


def _altup(run: Pass, layer: DecoderLayer, given: Buffer) -> None:
    """Gemma 3n: AltUp predicts all streams and corrects them by what the layer makes of one.

    LAuReL stands beside attention.
    """
    attention, *mlps = layer.mixers
    run.tape.new("predictions", run.step.rows * run.hidden * run.style.streams, run.step.width)
    run.normed("normed input")
    run.states("output of LAuReL")
    raw = trace(attention, run, given)
    run.normed("normed output of the attention")
    run.tape.free(raw)
    run.states("residual")
    run.states("residual and LAuReL")
    run.normed("normed input of the MLP")
    widest = max(mlp.intermediate for mlp in mlps if isinstance(mlp, GatedMlp))
    for name in ("gate", "activation of the gate", "up", "product"):
        run.tape.new(name, run.step.rows * widest, run.step.width)
    run.states("MLP output")


#: By the order of norms (N) and of what they stand before or behind (M). No other order is traced.
ORDERS = {
    **dict.fromkeys((USUAL, "MNMN", "NMNNMN", "NM", "NMNNMNN"), _in_turn),
    **dict.fromkeys(("NMM", "NNMM"), _parallel),
    "NMMNM": _scan_and_attention,
    "NMNNMNNMNN": _mlp_and_experts,
}
