"""Answers of ``train``."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmscale.answers.results.common import SCHEMA, SizedModelRef
from llmscale.answers.results.train_flops import TrainCompute, TrainFlops
from llmscale.notes import Note


@dataclass
class TrainMemory:
    """What stands in memory between two steps. Activations and peaks come with their own keys."""

    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    states_bytes: int


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
    """Answer of ``train``. `modules` are parameters that are added, by the name of what they adapt."""

    model: SizedModelRef
    method: str
    optimizer: str
    precision: str
    trainable_parameters: int
    total_parameters: int
    memory: TrainMemory
    flops: TrainFlops
    compute: TrainCompute | None
    modules: dict[str, int]
    recipes: tuple[RecipeLine, ...]
    notes: tuple[Note, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="train", init=False)
