"""Which devices and which formats are alike in speed: the rows of the table of fitted factors."""

from __future__ import annotations

import re

from llmscale.devices.device import Device
from llmscale.devices.topology import has_hbm

#: Slower than this, FP16 is an emulation (Pascal's GeForce cards); such devices compute in FP32.
FP16_TFLOPS = 1.0

#: Formats whose weights are unpacked alike, by the spelling of their ids; the first that matches.
FORMATS = (
    ("float", re.compile(r"^(fp|bf|f)(16|32)$")),
    ("mxfp4", re.compile(r"^mxfp4")),
    ("nvfp4", re.compile(r"^nvfp4")),
    ("fp8", re.compile(r"^fp8")),
    ("iq", re.compile(r"^iq\d")),
    ("q8", re.compile(r"^q8")),
    ("k", re.compile(r"^q[2-6]_")),
    ("exl", re.compile(r"^exl")),
    ("mlx", re.compile(r"^mlx|^\d-?bit$")),
    ("awq", re.compile(r"^awq|^int4$|^nf4$")),
    ("int8", re.compile(r"^int8|^gptq-?(int)?8")),
    ("gptq", re.compile(r"^gptq")),
)


def device_class(device: Device) -> str:
    """The class of a device: by vendor, and for NVIDIA by its memory, since HBM is faster than kernels can use."""
    if device.vendor != "NVIDIA":
        return device.vendor.lower()
    if device.kind == "unified":
        return "nvidia-unified"
    if has_hbm(device):
        return "nvidia-hbm"
    return "nvidia-gddr"


def compute_class(device: Device) -> str:
    """The class for prefill: cards without fast FP16 apart, and NVIDIA's professional ones, to which datasheets give
    twice GeForce's rate for the same silicon."""
    name = device_class(device)
    if name != "nvidia-gddr":
        return name
    if slow_fp16(device):
        return "nvidia-pascal"
    return "nvidia-pro" if device.kind in ("workstation", "datacentre") else name


def slow_fp16(device: Device) -> bool:
    """Whether its FP16 rate says nothing, since it computes in FP32."""
    return device.fp16_tflops is not None and device.fp16_tflops < FP16_TFLOPS


def matrix_tflops(device: Device) -> float | None:
    """The rate that matrices are multiplied at, 10^12 operations a second: FP16, or FP32 without fast FP16."""
    return device.fp32_tflops if slow_fp16(device) else device.fp16_tflops


def format_class(format_id: str) -> str:
    """The class of a weight format; ``k``, the commonest, when its id is like no other."""
    return next((name for name, pattern in FORMATS if pattern.match(format_id.lower())), "k")
