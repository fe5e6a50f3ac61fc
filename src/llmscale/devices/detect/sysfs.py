"""AMD's and Intel's cards, by what Linux' graphics drivers show below ``/sys/class/drm``.

AMD: ``mem_info_vram_total`` and ``mem_info_vram_used`` (docs.kernel.org, gpu/amdgpu/driver-misc.html), memory that the
GPU takes of the system's besides in ``mem_info_gtt_total``. Intel: ``lmem_total_bytes``, where the driver has it.
Names are those of the PCI id, which ``product_name`` says for some cards only.
"""

from __future__ import annotations

import os
from glob import glob

from llmscale.devices.detect.interface import DetectedDevice
from llmscale.store.tables import table

name = "AMD and Intel"
ROOT = "/sys/class/drm"


def devices(root: str = ROOT) -> list[DetectedDevice]:
    """The cards with memory of their own, or of which the firmware set memory aside."""
    found = [
        _card(path)
        for path in sorted(glob(os.path.join(root, "card[0-9]*", "device")))
        if "-" not in path.split("/")[-2]
    ]
    return [card for card in found if card is not None]


def _card(path: str) -> DetectedDevice | None:
    total = _number(path, "mem_info_vram_total") or _number(path, os.path.join(os.pardir, "lmem_total_bytes"))
    if not total:
        return None
    used = _number(path, "mem_info_vram_used")
    said = _text(path, "product_name") or _by_id(_text(path, "vendor"), _text(path, "device"))
    return DetectedDevice(said, total, None if used is None else total - used)


def _by_id(vendor: str, device: str) -> str:
    """The device of a PCI id, else the id."""
    ids = f"{vendor.removeprefix('0x')}:{device.removeprefix('0x')}".lower()
    names: dict[str, str] = table("device_names")["pci"]
    return names.get(ids, ids)


def _text(path: str, name: str) -> str:
    try:
        with open(os.path.join(path, name), encoding="utf-8", errors="replace") as file:
            return file.read(200).strip()
    except OSError:
        return ""


def _number(path: str, name: str) -> int | None:
    text = _text(path, name)
    return int(text) if text.isdecimal() else None


def missing() -> str:
    """Nothing: the kernel says it."""
    return ""
