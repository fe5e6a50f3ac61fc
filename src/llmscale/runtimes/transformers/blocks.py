"""What a building block means to transformers: which part of a layer it is, what it allocates, and what it keeps.

Three functions, each with an entry for every type of block that it knows. A model with a block that `trace` has no
entry for is not traced.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

from llmscale.model.blocks.attention import Attention, Indexer, LatentAttention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.mlp import GatedMlp, MergedExperts, MixtureOfExperts, Mlp, PackedExperts, StackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Griffin, Mamba, Mamba2, RwkvChannelMix, RwkvTimeMix, ShortConvolution
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.attention.attend import attend
from llmscale.runtimes.transformers.attention.latent import attend_latent
from llmscale.runtimes.transformers.experts import mixture
from llmscale.runtimes.transformers.mlp import gated, plain
from llmscale.runtimes.transformers.ops import FP32, Step, norm
from llmscale.runtimes.transformers.parts import IndexedAttention, Part, RoutedExperts, SharedTransformer
from llmscale.runtimes.transformers.recurrent.convolution import short_convolution, short_convolution_state
from llmscale.runtimes.transformers.recurrent.delta_net import delta_net, delta_net_state
from llmscale.runtimes.transformers.recurrent.griffin import griffin, griffin_state
from llmscale.runtimes.transformers.recurrent.mamba import mamba, mamba_state
from llmscale.runtimes.transformers.recurrent.mamba2 import mamba2, mamba2_state
from llmscale.runtimes.transformers.recurrent.rwkv import channel_mix, channel_mix_state, time_mix, time_mix_state
from llmscale.runtimes.transformers.style import Style
from llmscale.runtimes.transformers.tape import Buffer, Tape

#: What multiplies one element a token, or all by the same, and so takes nothing: the gate of a shared expert, the
#: scalar by which Gemma 4 multiplies a layer's output, and those of an activation.
SMALL = frozenset(
    {
        "router.shared_gate",
        "other.layer_scalar",
        "mlp.activation",
        "attention.sinks",
        "other.per_layer_gate",
        "other.per_layer_projection",
    }
)
#: The gates of Llama 3.2's layers that look at pictures, one number each.
SCALARS = SMALL | {"attention.gate", "mlp.gate"}


class Pass(NamedTuple):
    """One step of a decoder while it is traced.

    Attributes:
        hidden: width of the hidden states.
        share: of a head that rotates.
        masks: windows whose layers are given a mask.
    """

    tape: Tape
    step: Step
    style: Style
    hidden: int
    share: float
    masks: frozenset[int | None]

    def states(self, name: str) -> Buffer:
        """A tensor as wide as the hidden states."""
        return self.tape.new(name, self.step.rows * self.hidden, self.step.width)

    def stream(self, name: str, streams: int = 1) -> Buffer:
        """A tensor of what runs from layer to layer."""
        width = FP32 if self.style.stream_in_fp32 else self.step.width
        return self.tape.new(name, self.step.rows * self.hidden * streams, width)

    def normed(self, name: str) -> Buffer:
        """Hidden states after a norm."""
        return norm(self.tape, name, self.step.rows * self.hidden, self.hidden, self.step, self.style.norm)


@singledispatch
def join(block: Part, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    """The parts of a layer with one more block, which follows those `before` it or becomes part of the last."""
    return (*before, block)


@join.register(Norm)
def _(block: Norm, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    # Others stand inside attention, which has them.
    return (*before, block) if block.size == hidden else before


@join.register(Linear)
def _(block: Linear, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    last = before[-1] if before else None
    if block.role in SMALL:
        return before
    if block.role == "attention.gate" and isinstance(last, Attention):
        return (*before[:-1], replace(last, query_gate=True))
    return (*before, block)


@join.register(Parameter)
def _(block: Parameter, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    last = before[-1] if before else None
    if block.role in SCALARS:
        return before
    if block.role == "norm" and isinstance(last, Attention):
        # Command R+'s, of each head.
        return (*before[:-1], replace(last, qk_norm=(block.shape[-1], block.shape[-1])))
    return (*before, block)


@join.register(Indexer)
def _(block: Indexer, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    last = before[-1] if before else None
    return (*before[:-1], IndexedAttention(last, block)) if isinstance(last, LatentAttention) else (*before, block)


@join.register(GatedMlp)
def _(block: GatedMlp, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    last = before[-1] if before else None
    if block.component == "shared_experts" and isinstance(last, RoutedExperts) and not last.shared:
        return (*before[:-1], last.with_shared(block))
    return (*before, block)


@join.register(MixtureOfExperts)
def _(block: MixtureOfExperts, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    width = block.latent or block.hidden
    experts = RoutedExperts(width, block.intermediate, block.experts, block.used, block.shared, block.gated)
    return (*before, experts)


@join.register(StackedExperts)
def _(block: StackedExperts, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    return (*before, RoutedExperts(block.hidden, block.intermediate, block.experts, block.used, stacked=True))


@join.register(MergedExperts)
def _(block: MergedExperts, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    return (*before, RoutedExperts(block.hidden, block.intermediate, block.experts, block.used))


@join.register(PackedExperts)
def _(block: PackedExperts, before: tuple[Part, ...], hidden: int) -> tuple[Part, ...]:
    if block.component != "experts":
        return (*before, block)
    (down,) = (shape for _, part, shape in block.matrices if part == "down")
    return (*before, RoutedExperts(block.hidden, down[0] * down[1] // block.hidden, block.experts, block.used))


@singledispatch
def trace(part: Part, run: Pass, given: Buffer) -> Buffer:
    """What a part of a layer allocates of what it is `given`: its output.

    Raises:
        TypeError: it has no entry here.
    """
    raise TypeError(f"The code of {type(part).__name__} is not traced.")


def has_code(part: Part) -> bool:
    """Whether `trace` has an entry for it."""
    return trace.dispatch(type(part)) is not trace.dispatch(object)


@trace.register(Attention)
def _(part: Attention, run: Pass, given: Buffer) -> Buffer:
    return attend(run.tape, run.step, part, run.style, run.share, part.window in run.masks)


@trace.register(LatentAttention)
def _(part: LatentAttention, run: Pass, given: Buffer) -> Buffer:
    return attend_latent(run.tape, run.step, part, run.style)


@trace.register(IndexedAttention)
def _(part: IndexedAttention, run: Pass, given: Buffer) -> Buffer:
    return attend_latent(run.tape, run.step, part.attention, run.style, part.indexer)


@trace.register(GatedMlp)
def _(part: GatedMlp, run: Pass, given: Buffer) -> Buffer:
    return gated(run.tape, run.step, part.hidden, part.intermediate, len(part.names) == 2)


@trace.register(Mlp)
def _(part: Mlp, run: Pass, given: Buffer) -> Buffer:
    return plain(run.tape, run.step, part, run.style, given)


@trace.register(RoutedExperts)
def _(part: RoutedExperts, run: Pass, given: Buffer) -> Buffer:
    return mixture(run.tape, run.step, part, run.style)


@trace.register(GatedDeltaNet)
def _(part: GatedDeltaNet, run: Pass, given: Buffer) -> Buffer:
    return delta_net(run.tape, run.step, part)


@trace.register(ShortConvolution)
def _(part: ShortConvolution, run: Pass, given: Buffer) -> Buffer:
    return short_convolution(run.tape, run.step, part)


@trace.register(Mamba)
def _(part: Mamba, run: Pass, given: Buffer) -> Buffer:
    return mamba(run.tape, run.step, part)


@trace.register(Mamba2)
def _(part: Mamba2, run: Pass, given: Buffer) -> Buffer:
    return mamba2(run.tape, run.step, part, run.style.chunk)


@trace.register(SharedTransformer)
def _(part: SharedTransformer, run: Pass, given: Buffer) -> Buffer:
    trace(part.attention, run, given)
    run.tape.drop("softmax")
    return trace(part.mixer, run, given)


@trace.register(Griffin)
def _(part: Griffin, run: Pass, given: Buffer) -> Buffer:
    return griffin(run.tape, run.step, part)


@trace.register(RwkvTimeMix)
def _(part: RwkvTimeMix, run: Pass, given: Buffer) -> Buffer:
    return time_mix(run.tape, run.step, part)


@trace.register(RwkvChannelMix)
def _(part: RwkvChannelMix, run: Pass, given: Buffer) -> Buffer:
    return channel_mix(run.tape, run.step, part)


@singledispatch
def state_bytes(part: Part, step: Step) -> int:
    """What the cache holds of a part at any context: the last inputs of a convolution or a mix, and a state."""
    return 0


state_bytes.register(ShortConvolution, short_convolution_state)
state_bytes.register(GatedDeltaNet, delta_net_state)
state_bytes.register(Mamba, mamba_state)
state_bytes.register(Mamba2, mamba2_state)
state_bytes.register(Griffin, griffin_state)
state_bytes.register(RwkvTimeMix, time_mix_state)
state_bytes.register(RwkvChannelMix, channel_mix_state)


@state_bytes.register(SharedTransformer)
def _(part: SharedTransformer, step: Step) -> int:
    return state_bytes(part.mixer, step)
