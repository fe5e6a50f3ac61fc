"""FLOPs and compute in answers of ``train``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TrainFlops:
    """FLOPs of one step of one micro-batch, as ``torch.utils.flop_counter`` counts them.

    Attributes:
        forward, backward: None where a block or a method is not counted.
        recompute: what checkpointing runs again; part of `backward`.
        six_nd: 6 FLOPs a parameter and token.
        six_active_nd: the same of the parameters that a token touches.
        scores: ``square``: attention over all pairs of tokens; ``causal``: over half of them.
    """

    forward: int | None
    backward: int | None
    recompute: int | None
    six_nd: int
    six_active_nd: int
    sequence: int
    micro_batch: int
    scores: str
