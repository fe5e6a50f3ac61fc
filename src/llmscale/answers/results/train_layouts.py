"""Layouts over several devices, in answers of ``train``."""

from __future__ import annotations

from llmscale.answers.results.train_fit import TrainPart
from llmscale.records import dataclass


@dataclass
class TrainLayout:
    """One way to cut the model.

    Attributes:
        dp, tp, pp, vp, cp, ep, zero: degrees; `vp` chunks of one pipeline stage, `zero` the stage (3: FSDP2).
        recompute: whether layers are run again for backward.
        micro_batches: that one copy of the model runs one after the other in a step.
        used_bytes: of the fullest device.
        step_seconds: predicted.
        mfu: 6 FLOPs an active parameter and token, over what the devices could do in the predicted step.
    """

    dp: int
    tp: int
    pp: int
    vp: int
    cp: int
    ep: int
    zero: int
    recompute: bool
    micro_batch: int
    micro_batches: int
    used_bytes: int
    used_range: tuple[int, int]
    fits: str
    parts: tuple[TrainPart, ...]
    step_seconds: float
    tokens_per_second: float
    mfu: float


@dataclass
class LayoutSearch:
    """What was asked for, and of how many layouts how many fit.

    Attributes:
        network_gb_s: that a device sends out of its node, 10^9 bytes a second.
        ruled_out: the fastest that does not surely fit; `lacks_bytes` of it.
        max_micro_batch, max_sequence: that the first layout surely holds, each alone.
        instead: a change by which some layout fits, where none does; empty for none.
    """

    device: str
    count: int
    usable_bytes: int
    sequence: int
    global_batch: int
    node: int
    network_gb_s: float
    looked: int
    fitting: int
    ruled_out: TrainLayout | None
    lacks_bytes: int
    max_micro_batch: int
    max_sequence: int
    instead: str
