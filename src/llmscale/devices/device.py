"""Devices as data (`data/devices.yaml`), found by any of their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import cache
from typing import Any, Literal

from llmscale.names import find, normal
from llmscale.records import dataclass
from llmscale.store.tables import table
from llmscale.units import GIB, MIB

#: What the memory is made of; HBM where nobody says which.
MemoryKind = Literal[
    "GDDR5",
    "GDDR5X",
    "GDDR6",
    "GDDR6X",
    "GDDR7",
    "HBM",
    "HBM2",
    "HBM2e",
    "HBM3",
    "HBM3e",
    "DDR5",
    "LPDDR4",
    "LPDDR4X",
    "LPDDR5",
    "LPDDR5X",
]
LinkKind = Literal["switch", "fabric", "bridge", "pcie", "none"]


@dataclass(frozen=True)
class Interconnect:
    """What several of a device are linked by when nothing is added to them; None of a number: not known.

    Attributes:
        kind: switch: each reaches all others at full speed; fabric: wired to some others, which share the speed;
            bridge: one that such cards are sold for; pcie: their slots; none: nothing within one machine.
        name: what its vendor calls it.
        gb_s: 10^9 bytes a second that one sends to all others together, one way.
        peers: how many others a fabric or a bridge reaches; None where one reaches all.
        pcie: generation of its slot.
        lanes: of its slot.
        bridge_gb_s: as `gb_s`, by a bridge that is sold apart.
    """

    kind: LinkKind
    name: str = ""
    gb_s: float | None = None
    peers: int | None = None
    pcie: int | None = None
    lanes: int | None = None
    bridge_gb_s: float | None = None


@dataclass(frozen=True)
class Device:
    """One device; None or nothing: not known.

    Attributes:
        driver_name: what its driver calls it.
        kind: consumer, laptop, workstation, datacentre, or unified (memory shared with the CPU).
        generation: its architecture (Ampere, RDNA3, M4).
        target: AMD's: what ROCm compiles for it (gfx1100).
        memory_gib: memory as sold; a "24 GB" card holds 24 GiB.
        memory_kind: what the memory is made of.
        reported_mib: the total that the driver reports, where a log shows it.
        gpu_share: share of unified memory that the GPU may use by default.
        gpu_shares: the same of single sizes, in GiB, where it was measured.
        memory_options_gib: the sizes that one device is sold with; `memory_gib` is the largest.
        carve_out: whether its owner sets in the firmware how much of the memory is the GPU's.
        bandwidth_gb_s: memory bandwidth in 10^9 bytes a second.
        compute_capability: NVIDIA's, of its CUDA devices.
        fp16_tflops: FP16 rate without sparsity, 10^12 operations a second.
        fp32_tflops: FP32 rate of the shaders.
        sms: multiprocessors of an NVIDIA chip.
        threads_per_sm: threads that one of them holds.
        link: what several of it are linked by.
        gpu: whether code for its vendor's GPUs runs on it.
        processor_gb_s: what its processor reads, in 10^9 bytes a second, where only that runs language models.
        recalled: fields that could not be checked against a source.
    """

    id: str
    name: str
    vendor: str
    kind: str
    released: int
    memory_gib: float
    source: str
    aliases: list[str] = field(default_factory=list)
    driver_name: str = ""
    generation: str = ""
    target: str = ""
    memory_kind: MemoryKind | None = None
    reported_mib: int | None = None
    gpu_share: float | None = None
    gpu_shares: dict[str, float] = field(default_factory=dict)
    memory_options_gib: list[float] = field(default_factory=list)
    carve_out: bool = False
    bandwidth_gb_s: float | None = None
    compute_capability: float | None = None
    fp16_tflops: float | None = None
    fp32_tflops: float | None = None
    power_w: float | None = None
    price_usd: float | None = None
    sms: int | None = None
    threads_per_sm: int | None = None
    link: Interconnect | None = None
    gpu: bool = True
    processor_gb_s: float | None = None
    recalled: list[str] = field(default_factory=list)
    note: str = ""

    def share(self, memory: int) -> float | None:
        """The share of `memory` bytes that its GPU may use; None where the memory is its own."""
        return self.gpu_shares.get(f"{memory / GIB:g}", self.gpu_share)

    @property
    def memory(self) -> int:
        """Bytes as the driver reports them; what is sold where no log shows it."""
        return self.reported_mib * MIB if self.reported_mib else round(self.memory_gib * GIB)


def made(fields: dict[str, Any]) -> Device:
    """The device with the fields of a table's entry."""
    link = fields["link"]
    return Device(**{**fields, "link": Interconnect(**link) if link else None})


def entry(device_id: str) -> Device:
    """The device with exactly this id."""
    return made(table("devices")["entries"][device_id])


@cache
def known(device_id: str) -> Device | None:
    """The device with exactly this id; None for a bare size."""
    fields = table("devices")["entries"].get(device_id)
    return made(fields) if fields else None


def spelled(name: str) -> Device | None:
    """The device that has `name` in the catalogue, whatever its case and spaces; None where none or several have."""
    data = table("devices")
    found = data["names"].get(normal(name), ())
    return made(data["entries"][found[0]]) if len(found) == 1 else None


def has_twins(device: Device) -> bool:
    """Whether others differ from it in memory alone."""
    return device.id in table("devices")["sizes"]


def entries() -> Iterator[Device]:
    """All devices in the order of the file."""
    return map(made, table("devices")["entries"].values())


#: What stands for a device that nobody knows here.
ELSE = "Its memory will do: 8GB; without a card: cpu."


def lookup(name: str) -> Device:
    """The device that goes by `name`.

    Raises:
        NotFoundError: none does, or several do.
    """
    data = table("devices")
    return made(data["entries"][find(name, data["names"], "device", ELSE)])
