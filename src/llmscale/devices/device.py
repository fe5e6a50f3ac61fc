"""Devices as data (`data/devices.yaml`), found by any of their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from llmscale.names import find
from llmscale.store.tables import table
from llmscale.units import GIB, MIB


@dataclass(frozen=True)
class Device:
    """One device.

    Attributes:
        kind: consumer, laptop, workstation, datacentre, or unified (memory shared with the CPU).
        memory_gib: memory as sold; a "24 GB" card holds 24 GiB.
        reported_mib: the total that the driver reports, where a log shows it.
        gpu_share: share of unified memory that the GPU may use by default.
        memory_options_gib: the sizes that one device is sold with; `memory_gib` is the largest.
        bandwidth_gb_s: memory bandwidth in 10^9 bytes a second.
        compute_capability: NVIDIA's, of its CUDA devices.
        fp16_tflops: FP16 rate without sparsity, 10^12 operations a second.
        fp32_tflops: FP32 rate of the shaders.
        sms: multiprocessors of an NVIDIA chip.
        gpu: whether code for its vendor's GPUs runs on it.
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
    reported_mib: int | None = None
    gpu_share: float | None = None
    memory_options_gib: list[float] = field(default_factory=list)
    bandwidth_gb_s: float | None = None
    compute_capability: float | None = None
    fp16_tflops: float | None = None
    fp32_tflops: float | None = None
    power_w: float | None = None
    price_usd: float | None = None
    sms: int | None = None
    gpu: bool = True
    recalled: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def memory(self) -> int:
        """Bytes as the driver reports them; what is sold where no log shows it."""
        return self.reported_mib * MIB if self.reported_mib else round(self.memory_gib * GIB)


def entry(device_id: str) -> Device:
    """The device with exactly this id."""
    return Device(**table("devices")["entries"][device_id])


def known(device_id: str) -> Device | None:
    """The device with exactly this id; None for a bare size."""
    fields = table("devices")["entries"].get(device_id)
    return Device(**fields) if fields else None


def entries() -> Iterator[Device]:
    """All devices in the order of the file."""
    return (Device(**fields) for fields in table("devices")["entries"].values())


def lookup(name: str) -> Device:
    """The device that goes by `name`.

    Raises:
        NotFoundError: none does, or several do.
    """
    data = table("devices")
    return Device(**data["entries"][find(name, data["names"], "device")])
