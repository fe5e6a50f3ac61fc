"""Answers of ``needs --users``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, LossRef, SizedModelRef
from llmscale.answers.results.load import ServedLoad
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class ServingDevices:
    """A device, or several alike, with the layout and the format in which they serve the users.

    `count` devices are `replicas` servers of `tensor_parallel` devices each. `usd_per_hour` is what lists ask for all
    of them together, lowest and highest, None where none names them; `price_usd` what they cost at launch.
    """

    id: str
    name: str
    kind: str
    count: int
    tensor_parallel: int
    replicas: int
    memory_bytes: int
    quant: str
    runtime: str
    release: str
    loss: LossRef | None
    price_usd: float | None
    usd_per_hour: tuple[float, float] | None
    under_load: ServedLoad


@dataclass
class NeedsLoadResult:
    """Answer of ``needs --users``, cheapest first: by rent, then by price at launch, then by memory.

    `ttft` and `tpot` are the targets, in seconds. `nearest` is what comes nearest where nothing meets them, `more`
    whether further devices meet them.
    """

    model: SizedModelRef
    quants: tuple[str, ...]
    users: int
    prompt_tokens: int
    answer_tokens: int
    ttft: float | None
    tpot: float | None
    devices: tuple[ServingDevices, ...]
    nearest: ServingDevices | None
    more: bool
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="needs", init=False)
