"""Reading memory: what the driver says of the device and of this process, what torch's allocator says of itself."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Protocol


class Reading(NamedTuple):
    """Bytes at one moment; None where nobody can be asked.

    Attributes:
        allocated, peak_allocated: of tensors, now and at most since the last `reset`.
        reserved, peak_reserved: what the allocator took of the driver for them, likewise.
        process: what the driver counts for this process.
        device: what is used of the device, by whomever.
    """

    allocated: int | None
    peak_allocated: int | None
    reserved: int | None
    peak_reserved: int | None
    process: int | None
    device: int | None


class Reader(Protocol):
    """Who is asked."""

    def read(self) -> Reading:
        """The figures of now."""
        ...

    def reset(self) -> None:
        """Peaks count from here."""
        ...

    def about(self) -> dict[str, Any]:
        """The device and the versions of what drives it, for the record."""
        ...


class Cuda:
    """The first CUDA device that this process may see."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._nvml, self._handle = _nvml(str(torch.cuda.get_device_properties(0).uuid))

    def read(self) -> Reading:
        cuda = self._torch.cuda
        cuda.synchronize()
        free, total = cuda.mem_get_info(0)
        return Reading(
            cuda.memory_allocated(0),
            cuda.max_memory_allocated(0),
            cuda.memory_reserved(0),
            cuda.max_memory_reserved(0),
            self._process(),
            total - free,
        )

    def reset(self) -> None:
        self._torch.cuda.reset_peak_memory_stats(0)

    def about(self) -> dict[str, Any]:
        properties = self._torch.cuda.get_device_properties(0)
        told = {
            "device": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "memory_bytes": properties.total_memory,
            "cuda": self._torch.version.cuda,
        }
        if self._nvml:
            told["driver"] = self._nvml.nvmlSystemGetDriverVersion()
            told["driver_memory_bytes"] = self._nvml.nvmlDeviceGetMemoryInfo(self._handle).total
        return told

    def _process(self) -> int | None:
        """In a container the driver may count this process under a number that it does not know of itself."""
        if not self._nvml:
            return None
        running = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        return next((one.usedGpuMemory for one in running if one.pid == os.getpid()), None)


def _nvml(uuid: str) -> tuple[Any, Any]:
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    # A driver without NVML (WSL of old, Jetson) raises errors of its own.
    except Exception:
        return None, None


class Cpu:
    """This process in main memory: to try the whole road where there is no GPU; its figures are no measurement."""

    def read(self) -> Reading:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * resource.getpagesize()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return Reading(None, None, None, None, resident, peak)

    def reset(self) -> None:
        return

    def about(self) -> dict[str, Any]:
        return {"device": "cpu"}
