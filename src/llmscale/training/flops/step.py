"""FLOPs of one step of a whole model: its blocks in the order of the forward pass.

A gradient flows back to where the first trained parameter stands and no further: what lies before is not counted.
With checkpointing each layer is run again but for its last product, which nothing keeps (torch 2.13.0
``utils/checkpoint.py`` stops early); peft then asks for gradients of the embeddings too. Dropout is taken as off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import groupby

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.tied import Tied
from llmscale.model.inventory import inventory
from llmscale.model.spec import Block, ModelSpec, PlacedBlock
from llmscale.records import NamedTuple
from llmscale.training.flops.blocks import COUNTED, Counted, Place, convolution, count
from llmscale.training.flops.products import Training

#: Blocks that mix experts and weigh what they give, which backward needs: their last product is run again.
WEIGHED = ("StackedExperts", "MergedExperts", "PackedExperts")


class Step(NamedTuple):
    """What one step does.

    Attributes:
        batch, tokens: sequences of a micro-batch, and tokens of one.
        flash: whether attention is one kernel (sdpa, flash) or two products (eager).
        checkpointing: of so many layers each the first is run again in backward; of 0 none.
        causal: whether scores above the diagonal are left out; torch counts them.
        adapters: whether the embeddings are frozen, whose gradient is asked for all the same when checkpointing.
    """

    batch: int
    tokens: int
    flash: bool = True
    checkpointing: int = 0
    adapters: bool = False
    causal: bool = False


class Flops(NamedTuple):
    """FLOPs of a step; `recompute` is part of backward."""

    forward: int
    backward: int
    recompute: int


def uncounted(spec: ModelSpec) -> str:
    """The first block that is not counted; empty when all are."""
    for placed in spec.placed:
        block = _own(placed.block)
        if not placed.tower and not isinstance(block, COUNTED):
            return type(block).__name__
        if isinstance(block, Convolution) and not placed.tower and not _listens(spec):
            return type(block).__name__
        if isinstance(block, Embedding) and block.role == "attention.relative_bias":  # DeBERTa multiplies with it
            return "relative attention"
    return ""


#: Which module takes part how, by the full name of its tensor, with ``{layer}``, and the layer; -1 outside layers.
How = Callable[[str, int], Training]


def flops(spec: ModelSpec, step: Step, how: How) -> Flops:
    """FLOPs of `step`."""
    reads = any(isinstance(p.block, Attention) and p.block.source == "cross" for p in spec.placed)
    memory = listened(spec) or step.tokens
    live = memory_live = start = step.adapters and step.checkpointing > 0
    forward = backward = again = 0
    in_encoder = reads
    for placed, last, layer in _in_order(spec):
        if not placed.layers and not _named(placed.prefix) and in_encoder:
            start = live = live or how(placed.prefix + "weight", layer).any  # an embedding that both halves share
        if in_encoder and "decoder" in placed.prefix.split("."):
            in_encoder, memory_live, live = False, live, start
        tokens = memory if in_encoder else spec.sequence or step.tokens
        found = _counted(spec, placed, step, tokens, memory, live, memory_live, partial(_at, how, layer))
        live = found.live
        forward += found.cost.forward
        backward += found.cost.backward
        if step.checkpointing and placed.layers and layer % step.checkpointing == 0:
            # Of what is frozen, and fed by nothing that is trained, there are no parts.
            again += found.cost.forward - (found.parts[-1].last if last and found.parts else 0)
    return Flops(forward, backward + again, again)


def _at(how: How, layer: int, name: str) -> Training:
    return how(name, layer)


def _counted(
    spec: ModelSpec,
    placed: PlacedBlock,
    step: Step,
    tokens: int,
    memory: int,
    live: bool,
    memory_live: bool,
    how: Callable[[str], Training],
) -> Counted:
    def of(name: str) -> Training:
        return how(placed.prefix + name)

    block = _own(placed.block)
    if isinstance(block, Convolution):
        return convolution(block, step.batch, _positions(spec, placed), of("weight"), live)
    place = Place(step.batch, tokens, memory, step.flash, live, memory_live, of, step.causal)
    return _seen(block, place, tuple(of(tensor.name) for tensor in block.tensors()))


@lru_cache(4096)
def _like(standing: PlacedBlock, place: Place, trained: tuple[Training, ...]) -> Counted:
    names = dict(zip((tensor.name for tensor in standing.block.tensors()), trained, strict=True))
    return count(standing.block, place._replace(how=names.__getitem__))


def _seen(block: Block, place: Place, trained: tuple[Training, ...]) -> Counted:
    # Layers alike cost alike: what differs by the name alone is put aside.
    return _like(PlacedBlock("", block), place._replace(how=_nothing), trained)


def _nothing(name: str) -> Training:
    return Training(False)


def _own(block: Block) -> Block:
    return block.block if isinstance(block, Tied) else block


def _in_order(spec: ModelSpec) -> Iterator[tuple[PlacedBlock, bool, int]]:
    """Each block once for each of its layers, in the order of the forward pass, whether checkpointing leaves its last
    product out, and the layer."""
    text = [placed for placed in spec.placed if not placed.tower]
    for stack, blocks in groupby(text, key=lambda placed: placed.layers and placed.prefix.partition("{layer}")[0]):
        listed = list(blocks)
        if not stack:
            yield from ((placed, False, -1) for placed in listed)
            continue
        closed = _closed(text, str(stack))
        place = {placed.prefix: number for number, placed in reversed(list(enumerate(listed)))}
        for layer in sorted({layer for placed in listed for layer in placed.layers}):
            here = sorted((p for p in listed if layer in p.layers), key=lambda placed: place[placed.prefix])
            end = _end(here, closed)
            yield from ((placed, number == end, layer) for number, placed in enumerate(here))


def _end(layer: list[PlacedBlock], closed: bool) -> int:
    """The block of a layer whose last product nothing keeps; -1 for none."""
    if not closed and any(isinstance(placed.block, Norm) for placed in layer):
        return -1  # each sum is normalised, the layer's last too
    for number, placed in reversed(list(enumerate(layer))):
        block = _own(placed.block)
        if isinstance(block, Norm):
            if placed.prefix.rstrip(".").rpartition(".")[2].startswith("post_"):
                return -1  # what is added is normalised
            continue
        weighed = type(block).__name__ in WEIGHED or (isinstance(block, MixtureOfExperts) and not block.shared)
        return -1 if weighed or (isinstance(block, MixtureOfExperts) and block.shared_gate) else number
    return -1


def _closed(text: list[PlacedBlock], stack: str) -> bool:
    """Whether a norm stands behind the layers, so that the sum in a layer need not be normalised."""
    parent = stack.rstrip(".").rpartition(".")[0]
    after = False
    for placed in text:
        if placed.layers:
            after = after or placed.prefix.startswith(stack)
        elif (
            after
            and isinstance(placed.block, Norm)
            and placed.prefix.startswith(parent)
            and placed.block.role == "norm"
        ):
            return True
    return False


def _named(prefix: str) -> bool:
    return bool({"encoder", "decoder"} & set(prefix.split(".")))


def _listens(spec: ModelSpec) -> bool:
    return listened(spec) > 0


def listened(spec: ModelSpec) -> int:
    """Positions of sound that the encoder sees, whatever is said; 0 for an encoder of text."""
    heard = any(isinstance(placed.block, Convolution) and "encoder" in placed.prefix for placed in spec.placed)
    for placed in spec.placed:
        block = placed.block
        if heard and isinstance(block, Embedding) and "encoder" in placed.prefix and block.role == "embedding.position":
            return block.rows
    return 0


def _positions(spec: ModelSpec, placed: PlacedBlock) -> int:
    """What a convolution of the encoder makes: the last halves the positions (Whisper's stride of 2)."""
    convolutions = [each for each in spec.placed if isinstance(each.block, Convolution)]
    return listened(spec) << (len(convolutions) - 1 - convolutions.index(placed))


def six_nd(spec: ModelSpec, tokens: int, active: bool) -> int:
    """The usual estimate: 6 FLOPs a parameter and token; with `active` those that a token touches."""
    parts = inventory(spec)
    return 6 * (parts.active() if active else parts.total()) * tokens
