"""Answers of ``train``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, SizedModelRef
from llmscale.answers.results.train_fit import TrainFit
from llmscale.answers.results.train_flops import TrainCompute, TrainFlops
from llmscale.answers.results.train_layouts import LayoutSearch, TrainLayout
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class TrainMemory:
    """What training holds.

    Attributes:
        states_bytes: weights, gradients and states together.
        activations_bytes: what forward keeps for backward; None where that is not modelled, as the next two.
        temporary_bytes: what is alive at the most besides weights, states, and the larger of gradients and activations.
        total_bytes: the most alive in any step; from the second on, states are there during backward.
        overhead_bytes: on top of tensors on a card: context, allocator; None where no card is named.
        per_device_bytes: both together.
        host_bytes: in the host's memory instead (``--offload``); all others are the device's.
        modelled: which of these are not exact.
    """

    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    states_bytes: int
    activations_bytes: int | None = None
    temporary_bytes: int | None = None
    total_bytes: int | None = None
    overhead_bytes: int | None = None
    per_device_bytes: int | None = None
    host_bytes: int = 0
    modelled: tuple[str, ...] = ()


@dataclass
class TrainPeaks:
    """The most alive in each part of the first step, weights included; `moment` is the part where it is most."""

    forward_bytes: int
    backward_bytes: int
    step_bytes: int
    moment: str


@dataclass
class RecipeLine:
    """One precision recipe: bytes of a trained parameter, in parts and together."""

    precision: str
    title: str
    weight: int
    gradient: int
    master: int
    optimizer: float
    total: float


@dataclass
class TrainResult:
    """Answer of ``train``.

    Attributes:
        rank: of an adapter, the block of OFT; 0 of methods that have none.
        fit: of one device.
        layouts: of several, fastest first.
        ranges: ends of figures that are assumed, by key; empty for a model whose tensors are known.
        modules: parameters that are added, by the name of what they adapt.
    """

    model: SizedModelRef
    method: str
    rank: int
    optimizer: str
    precision: str
    sequence: int
    micro_batch: int
    checkpointing: str
    trainable_parameters: int
    total_parameters: int
    memory: TrainMemory
    flops: TrainFlops
    compute: TrainCompute | None
    peaks: TrainPeaks | None
    fit: TrainFit | None
    layouts: tuple[TrainLayout, ...]
    layout_search: LayoutSearch | None
    modules: dict[str, int]
    recipes: tuple[RecipeLine, ...]
    ranges: dict[str, tuple[int, int]]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="train", init=False)
