"""What stands below an estimate on devices: of experts in RAM, of users at once."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.devices.sets import counted as counted_device
from llmscale.notes import Note, note


def quant_of(line: Estimate) -> str:
    """The format as it is shown."""
    # FP16 and BF16 take the same; the row stands for both.
    return "FP16/BF16" if line.quant == "fp16" else line.quant.upper()


def named(device: DeviceFit) -> str:
    """The devices as they are shown."""
    return counted_device(device.id, device.count)


def expert_notes(result: EstimateResult) -> Iterator[Note]:
    """Where llama.cpp leaves experts in RAM."""
    for line in result.estimates:
        for device in line.devices:
            if device.fits and device.cpu_moe and device.gpu_layers == device.layers:
                yield note("experts_in_ram", quant=quant_of(line), device=named(device), layers=device.cpu_moe)


def cache_notes(result: EstimateResult) -> Iterator[Note]:
    """How many users a server with a cache made ahead has at once, and what would let in more."""
    for line in result.estimates:
        for device in line.devices:
            if device.max_concurrency and device.users:
                yield note(
                    "users",
                    quant=quant_of(line),
                    device=named(device),
                    users=[(one.context, one.requests) for one in device.users],
                )
            yield from device.remedies
