"""Answers of ``needs``."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmscale.answers.results.common import SCHEMA, LossRef, SizedModelRef


@dataclass
class NeededDevice:
    """A device, or a pair, that is enough."""

    id: str
    name: str
    kind: str
    count: int
    memory_bytes: int
    usable_bytes: int
    headroom_bytes: int
    max_context: int | None
    price_usd: float | None
    power_w: float | None
    quant: str
    loss: LossRef | None
    tokens_per_second: float | None
    tokens_per_second_range: tuple[float, float] | None


@dataclass
class NeedsResult:
    """Answer of ``needs``; `quants` are those that were to choose from, best first, `total_bytes` is of the last."""

    model: SizedModelRef
    quants: tuple[str, ...]
    context: int
    batch: int
    total_bytes: int
    devices: tuple[NeededDevice, ...]
    hidden: int
    warnings: tuple[str, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="needs", init=False)
