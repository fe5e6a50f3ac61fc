"""How fast devices of one machine send to each other: bytes a second, one way."""

from __future__ import annotations

import re

from llmscale.devices.device import Device

#: NVLink of the cards that have it on their boards, half of the datasheet's figure, which counts both ways.
#: From NVIDIA's datasheets, recalled.
NVLINK = (
    (re.compile(r"^(b200|b300|gb200|gb300)"), 900e9),
    (re.compile(r"^(h100|h200|h20|h20-141gb|gh200-\w+)$"), 450e9),
    (re.compile(r"^(h800|a800-80gb)$"), 200e9),
    (re.compile(r"^(a100-40gb|a100-80gb)$"), 300e9),
    (re.compile(r"^(v100-16gb|v100-32gb)$"), 150e9),
)
#: Others go through PCI Express: 16 lanes, of the generation that cards of that year have (4.0 and 5.0, recalled).
PCIE_4, PCIE_5 = 32e9, 64e9
#: The year from which NVIDIA's cards have 5.0.
PCIE_5_FROM = 2025


def link(device: Device) -> float:
    """Between two of these in one machine."""
    nvlink = next((speed for pattern, speed in NVLINK if pattern.match(device.id)), None)
    return nvlink or (PCIE_5 if device.released >= PCIE_5_FROM else PCIE_4)
