"""Answers of ``lists``."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

from llmscale.answers.results.common import SCHEMA, LossRef, SizedModelRef
from llmscale.answers.results.inner import INNER, inner
from llmscale.records import dataclass


@dataclass
class ModelLine:
    """One catalogue model; `basis` is exact, reported or undisclosed; `source` whose entry it is, llmscale or user."""

    id: str
    name: str
    basis: str
    parameters: int | None
    active_parameters: int | None
    family: str
    modality: str
    publisher: str
    licence: str
    open: bool
    released: str
    context: int | None
    training_tokens: int | None
    source: str


@dataclass
class ModelsResult:
    """Answer of ``models list``."""

    models: tuple[ModelLine, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models list", init=False)


@dataclass
class ModelResult:
    """Answer of ``models show``: the entry with its sources; `checked` says where the config was read,
    `catalogue` is the user's file that it stands in, empty for what ships with llmscale."""

    model: ModelLine
    aliases: tuple[str, ...]
    stated_parameters: int | None
    stated_active_parameters: int | None
    stated_context: int | None
    stated_how: str
    hub: str
    ollama: str
    gguf: tuple[str, ...]
    tools: bool | None
    languages: tuple[str, ...]
    capabilities_source: str
    difference: str
    disclosure: str
    note: str
    source: str
    config_source: str
    checked: str
    config: dict[str, Any] | None
    catalogue: str
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models show", init=False)


@dataclass
class AddedModel:
    """Answer of ``models add``: the entry `id` in the file `catalogue`; `replaced` an older one there.

    `hides` are the ids of the models shipped with llmscale whose name it has taken.
    """

    id: str
    catalogue: str
    parameters: int
    active_parameters: int
    replaced: bool
    hides: tuple[str, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="models add", init=False)


@dataclass
class LinkLine:
    """What several of a device are linked by when nothing is added: switch, fabric, bridge, pcie or none.

    `gb_s`, `slot_gb_s` and `bridge_gb_s` are 10^9 bytes a second that one sends to the others together, one way: by
    the link, by its PCI Express slot, by a bridge that is sold apart. `peers` is how many others a fabric or bridge
    reaches.
    """

    kind: str
    name: str
    gb_s: float | None
    peers: int | None
    pcie: int | None
    lanes: int | None
    slot_gb_s: float | None
    bridge_gb_s: float | None


@dataclass
class DeviceLine:
    """One device; `memory_basis` is exact where a driver's log shows the total, `recalled` names unchecked fields."""

    id: str
    name: str
    vendor: str
    kind: str
    released: int
    memory_bytes: int
    memory_basis: str
    gpu_share: float | None
    bandwidth_gb_s: float | None
    fp16_tflops: float | None
    compute_capability: str | None
    generation: str
    memory_kind: str | None
    threads_per_sm: int | None
    link: LinkLine | None
    driver_name: str
    power_w: float | None
    price_usd: float | None
    aliases: tuple[str, ...]
    source: str
    recalled: tuple[str, ...]
    note: str


@dataclass
class DevicesResult:
    """Answer of ``devices list`` and ``devices show``."""

    devices: tuple[DeviceLine, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="devices", init=False)


@dataclass
class QuantLine:
    """One quant. `bits_per_weight` is that of the matrices it is meant for, `rules` what gets which number format."""

    id: str
    name: str
    bits_per_weight: float
    kind: str
    rules: dict[str, str]
    narrow: str
    runtime: str
    readers: tuple[str, ...]
    hardware: str
    meant_for: str
    loss: LossRef | None
    aliases: tuple[str, ...]
    source: str
    note: str
    weights_bytes: int | None
    weights_basis: str | None


@dataclass
class QuantsResult:
    """Answer of ``quants``; with a `model` every line has its weights in that quant, None where it cannot be had so.

    `hidden` are those that were not asked about, since few people run them.
    """

    model: SizedModelRef | None
    quants: tuple[QuantLine, ...]
    hidden: Annotated[int, INNER] = inner(0)
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="quants", init=False)
