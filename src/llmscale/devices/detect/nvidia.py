"""NVIDIA's devices, by NVML (``nvidia-ml-py``, the extra ``[nvidia]``).

A GPU that is cut into instances (MIG) is its instances: nothing runs on the whole then (docs.nvidia.com, NVML API:
nvmlDeviceGetMigMode, nvmlDeviceGetMigDeviceHandleByIndex).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from llmscale.devices.detect.interface import DetectedDevice

name = "NVIDIA"
#: There where the kernel module is loaded (docs.nvidia.com, driver README, "procfs interface").
DRIVER = "/proc/driver/nvidia/version"


def devices() -> list[DetectedDevice]:
    """Those that NVML lists."""
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
    except Exception:
        return []
    try:
        return list(_all(nvml))
    except nvml.NVMLError:
        return []
    finally:
        nvml.nvmlShutdown()


def _all(nvml: Any) -> Iterator[DetectedDevice]:
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        parts = list(_instances(nvml, handle))
        yield from parts or [_one(nvml, handle, False)]


def _instances(nvml: Any, handle: Any) -> Iterator[DetectedDevice]:
    """The instances of a GPU that is cut into some."""
    try:
        if not nvml.nvmlDeviceGetMigMode(handle)[0]:
            return
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:  # a GPU that cannot be cut
        return
    for index in range(count):
        try:
            yield _one(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index), True)
        except nvml.NVMLError:  # a place that no instance takes
            continue


def _one(nvml: Any, handle: Any, part: bool) -> DetectedDevice:
    memory, called = nvml.nvmlDeviceGetMemoryInfo(handle), nvml.nvmlDeviceGetName(handle)
    text = called.decode() if isinstance(called, bytes) else str(called)
    return DetectedDevice(text, int(memory.total), int(memory.free), part=part)


def missing() -> str:
    """The extra, where a driver is there and the library is not."""
    try:
        import_module("pynvml")
    except ImportError:
        return "llmscale[nvidia]" if os.path.exists(DRIVER) else ""
    return ""
