"""How a model is cut: the numbers of a layout, and the constraints that each must keep.

Sources: NVIDIA-NeMo/Megatron-Bridge parallelisms guide (world = DP x TP x PP x CP; experts over DP x CP x TP),
Korthikanti et al. 2022 (sequence parallelism with TP; interleaving), Rajbhandari et al. 2020 (ZeRO stages; FSDP2 is the
third). Layers: a pipeline may count embedding, loss and a prediction layer as slots of their own, so up to `SLOTS` are
added before they must divide.
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.training.parallel.sizes import Sizes

SLOTS = 3


class Layout(NamedTuple):
    """A way to cut.

    Attributes:
        dp: copies of the model that see different sequences.
        vp: chunks of layers of one pipeline stage; 1 is 1F1B.
        zero: 0, 1: states, 2: gradients too, 3: weights too (FSDP2), divided over DP x CP.
        recompute: whether each layer is run again for backward.
        micro: sequences of a micro-batch.
    """

    dp: int
    tp: int = 1
    pp: int = 1
    vp: int = 1
    cp: int = 1
    ep: int = 1
    zero: int = 1
    recompute: bool = False
    micro: int = 1

    @property
    def world(self) -> int:
        """Devices."""
        return self.dp * self.tp * self.pp * self.cp

    @property
    def shards(self) -> int:
        """Devices that states of dense layers are divided over."""
        return self.dp * self.cp

    @property
    def expert_shards(self) -> int:
        """The same of experts."""
        return max(1, self.dp * self.cp * self.tp // self.ep)


class Batch(NamedTuple):
    """What one step of all devices sees.

    Attributes:
        sequences: that are counted; of preferences pairs.
        logits: whether the loss makes them.
        together: sequences that one of `sequences` is: chosen and rejected are two.
        reference: whether a frozen model runs forward besides.
    """

    sequence: int
    sequences: int
    logits: bool = True
    together: int = 1
    reference: bool = False

    @property
    def one(self) -> int:
        """Tokens of one of `sequences`."""
        return self.sequence * self.together

    @property
    def tokens(self) -> int:
        """Tokens of a step."""
        return self.one * self.sequences

    def micro_batches(self, layout: Layout) -> int:
        """How many one copy of the model runs one after the other; 0 where they do not divide."""
        each = layout.dp * layout.micro
        return 0 if self.sequences % each else self.sequences // each


def divides_layers(layers: int, chunks: int) -> bool:
    """Whether layers, with slots for what stands around them, fill `chunks` evenly."""
    return any((layers + slots) % chunks == 0 for slots in range(SLOTS + 1) if layers + slots >= chunks)


def broken(sizes: Sizes, layout: Layout, batch: Batch, node: int) -> str:
    """The constraint that a layout breaks, in symbols; empty where it keeps all."""
    rules = (
        (sizes.heads % layout.tp == 0, f"heads {sizes.heads} % TP {layout.tp}"),
        (
            sizes.kv_heads % layout.tp == 0 or layout.tp % sizes.kv_heads == 0,
            f"KV heads {sizes.kv_heads} and TP {layout.tp}",
        ),
        (layout.tp <= node, f"TP {layout.tp} > {node} devices of a node"),
        (
            divides_layers(sizes.layers, layout.pp * layout.vp),
            f"layers {sizes.layers} % (PP {layout.pp} x VP {layout.vp})",
        ),
        (sizes.experts % layout.ep == 0, f"experts {sizes.experts} % EP {layout.ep}"),
        (
            layout.dp * layout.cp * layout.tp % layout.ep == 0,
            f"DP x CP x TP {layout.dp * layout.cp * layout.tp} % EP {layout.ep}",
        ),
        (
            cuts_sequence(batch.sequence, layout.tp, layout.cp),
            f"sequence {batch.sequence} % (2 x CP {layout.cp} x TP {layout.tp})",
        ),
        (
            batch.micro_batches(layout) > 0,
            f"sequences {batch.sequences} % (DP {layout.dp} x micro-batch {layout.micro})",
        ),
        (batch.micro_batches(layout) >= layout.pp, f"micro-batches {batch.micro_batches(layout)} < PP {layout.pp}"),
    )
    return next((said for kept, said in rules if not kept), "")


def cuts_sequence(sequence: int, tp: int, cp: int) -> bool:
    """Each rank of CP takes a piece from the front and one from the back; TP cuts it again."""
    return sequence % (tp * (2 * cp if cp > 1 else 1)) == 0
