"""FLOPs and compute in answers of ``train``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class TrainFlops:
    """FLOPs of one step of one micro-batch, as ``torch.utils.flop_counter`` counts them.

    Attributes:
        forward, backward: None where a block or a method is not counted.
        recompute: what checkpointing runs again; part of `backward`.
        reference: of a frozen model that runs forward besides; part of neither.
        six_nd: 6 FLOPs a parameter and token.
        six_active_nd: the same of the parameters that a token touches.
        scores: ``square``: attention over all pairs of tokens; ``causal``: over half of them.
    """

    forward: int | None
    backward: int | None
    recompute: int | None
    reference: int
    six_nd: int
    six_active_nd: int
    sequence: int
    micro_batch: int
    scores: str


@dataclass
class MoneyRange:
    """USD from the lowest price and fewest hours to the highest price and most; prices are an hour of one device."""

    low: float
    high: float
    price_low: float
    price_high: float
    date: str
    source: str


@dataclass
class TrainCompute:
    """What a whole run takes: 6 x active parameters x tokens over the share of the devices' rate that runs reach.

    Attributes:
        mfu: 6 FLOPs an active parameter and token, over what the devices could do in the run; and its range.
        mfu_from: the published row most like this run; empty where the user gave the share.
        energy_kwh: at the devices' rated power, with cooling.
    """

    tokens: int
    device: str
    count: int
    flops: float
    mfu: float
    mfu_range: tuple[float, float]
    mfu_from: str
    device_hours: float
    device_hours_range: tuple[float, float]
    days: float
    days_range: tuple[float, float]
    energy_kwh: float | None
    energy_kwh_range: tuple[float, float] | None
    co2_kg: float | None
    cost_usd: MoneyRange | None


@dataclass
class Reproduced:
    """A published run: ours, theirs, ours over theirs; `in_range` says whether our range holds their hours."""

    model: str
    flops: float | None
    flops_published: float | None
    flops_ratio: float | None
    device_hours: float | None
    device_hours_published: int | None
    device_hours_ratio: float | None
    in_range: bool | None
    note: str
    source: str


@dataclass
class ReproduceResult:
    """Answer of ``train --reproduce``."""

    runs: tuple[Reproduced, ...]
    median_error: float
    held: float
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="train", init=False)
