"""What published training reached and cost (`data/training.yaml`): shares of a card's rate, prices, runs, networks."""

from __future__ import annotations

from functools import cache

from llmscale.records import dataclass
from llmscale.store.tables import table


@dataclass(frozen=True)
class Reached:
    """The share of a card's dense 16-bit rate that one training reached.

    Attributes:
        family: the makers' family of models, for what is left out together.
        active: parameters that a token touches.
        run: a whole run with its stops, not a tuned step.
    """

    model: str
    family: str
    device: str
    precision: str
    active: int
    moe: bool
    gpus: int | None
    run: bool
    share: float
    source: str


@dataclass(frozen=True)
class Price:
    """USD an hour of one card, lowest and highest of a list of that month."""

    device: str
    low: float
    high: float
    date: str
    source: str


@dataclass(frozen=True)
class Run:
    """A run as its makers print it; `factor` FLOPs a parameter and token where they print FLOPs."""

    model: str
    parameters: int
    active: int
    tokens: int | None
    flops: float | None
    device_hours: int | None
    device: str | None
    factor: int
    precision: str
    note: str
    source: str


@dataclass(frozen=True)
class Network:
    """What a device of a generation sends out of its node, 10^9 bytes a second."""

    generation: str
    gb_s: float
    source: str


@dataclass(frozen=True)
class Domain:
    """Devices that one switch links, where they are more than those of a board."""

    device: str
    devices: int
    source: str


@cache
def reached() -> tuple[Reached, ...]:
    """All shares."""
    return tuple(Reached(**row) for row in table("training")["efficiency"])


@cache
def prices() -> tuple[Price, ...]:
    """All prices."""
    return tuple(Price(**row) for row in table("training")["prices"])


@cache
def runs() -> tuple[Run, ...]:
    """All runs."""
    return tuple(Run(**row) for row in table("training")["runs"])


@cache
def networks() -> tuple[Network, ...]:
    """By generation."""
    return tuple(Network(**row) for row in table("training")["networks"])


@cache
def domains() -> tuple[Domain, ...]:
    """By device."""
    return tuple(Domain(**row) for row in table("training")["domains"])
