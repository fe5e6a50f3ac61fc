"""What nobody has said of a device yet: what then is answered as unknown, or as of the reference GPU."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.device import Device

#: Of any device; speed goes by the first four, the time to the first token by the fifth.
FACTS = ("memory_kind", "bandwidth_gb_s", "fp32_tflops", "link", "fp16_tflops", "generation")
#: Of NVIDIA's besides: what a process takes, and how much a runtime prepares.
NVIDIA = ("compute_capability", "sms", "threads_per_sm")


def missing(device: Device) -> tuple[str, ...]:
    """The fields that are not known, by name."""
    wanted = FACTS + (NVIDIA if device.vendor == "NVIDIA" else ())
    return (*(name for name in wanted if not getattr(device, name)), *_of_link(device))


def _of_link(device: Device) -> Iterator[str]:
    link = device.link
    if link is None or link.kind == "none":
        return
    if link.kind != "pcie" and link.gb_s is None:
        yield "link.gb_s"
    if link.kind in ("pcie", "bridge") and (link.pcie is None or link.lanes is None):
        yield "link.pcie"
