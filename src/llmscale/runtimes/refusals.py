"""What a runtime does not run: a quant that it does not read, a model that it has no code for, a device."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.device import Device, known
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.recipe import Quant
from llmscale.model.derived import by_tensors
from llmscale.notes import Note, note
from llmscale.runtimes.interface import Reads, Runtime, RuntimeInfo
from llmscale.runtimes.releases import newest

#: The reader of a quant that no tool writes.
ANY = "any"
#: How the quants of files are kept that not everybody reads.
FILE = "gguf"

#: The vendor whose devices are told apart by generation, NVIDIA's being by compute capability.
AMD = "AMD"


def reads(info: RuntimeInfo, quant: Quant) -> bool:
    """Whether the runtime runs weights in this quant."""
    if info.reads is Reads.ANY or info.name == quant.runtime or quant.id in info.besides:
        return True
    if info.name in quant.readers or ANY in quant.readers:
        return True
    if quant.kind == FILE:
        return info.reads_files
    return info.reads is Reads.OPEN and not quant.readers


def refuse_unread(info: RuntimeInfo, quant: Quant) -> None:
    """Raises:
    UnsupportedModelError: a quant that the runtime does not read.
    """
    if reads(info, quant):
        return
    raise UnsupportedModelError(
        f"{info.title} does not run {quant.name}.", f"Its own runtime is {quant.runtime}; see llmscale quants list."
    )


def runs(info: RuntimeInfo, family: str) -> bool:
    """Whether the runtime is not known to lack the model type, and says something of it."""
    return info.runs.runs(family) and (info.by_tensors or not by_tensors(family))


def refuse_lacking(info: RuntimeInfo, family: str, name: str) -> None:
    """Raises:
    UnsupportedModelError: a model that the runtime has no code for, or that is not modelled on it.
    """
    if not info.runs.runs(family):
        raise UnsupportedModelError(
            f"{info.title} has no code for {name} (model_type {family}).", "Name another --runtime or --quant."
        )
    if not runs(info, family):
        raise UnsupportedModelError(
            f"{name} is not modelled on {info.title}: of its model_type {family} only the tensors are known.",
            "Leave --runtime and --quant away: then the general rule answers, with its range.",
        )


def unmodelled(runtime: Runtime, devices: DeviceSet) -> Note | None:
    """Why nothing is said of the runtime on `devices`; None where something is, and of memory alone."""
    info = runtime.info
    if devices.host:
        return None if info.on_host else note("no_processor", runtime=info.title)
    now, before = info.capability
    least = now if not before or runtime.release == newest(info.name) else before
    for device in _known(devices):
        if info.vendors and (device.vendor not in info.vendors or not device.gpu):
            return note("device_not_modelled", runtime=info.name, device=device.id, vendors=list(info.vendors))
        if _older(device, least):
            return _lacking(info.title, device, f"compute capability {least:g}")
        if device.vendor == AMD and info.amd and device.target not in info.amd:
            return _lacking(info.title, device, ", ".join(info.amd))
    return None


def unable(quant: Quant, devices: DeviceSet, info: RuntimeInfo | None = None) -> Note | None:
    """Why a quant does not run on `devices`, or the runtime has no kernel of it for them; None where it does, and of
    devices of which nothing is known."""
    if info is not None and (span := info.kernels.get(quant.id)):
        for device in _known(devices):
            if device.compute_capability is not None and not span[0] <= device.compute_capability <= span[1]:
                needs = f"compute capability {span[0]:g} to {span[1]:g}"
                return _lacking(f"{quant.name} under {info.title}", device, needs)
    if not quant.vendors and not quant.capability and not quant.amd:
        return None
    for device in _known(devices):
        foreign = quant.vendors and device.vendor not in quant.vendors
        other = device.vendor == AMD and quant.amd and device.generation not in quant.amd
        if foreign or other or _older(device, quant.capability):
            return _lacking(quant.name, device, quant.hardware)
    return None


def _known(devices: DeviceSet) -> Iterator[Device]:
    return (device for kind in devices.kinds if (device := known(kind.id)) is not None)


def _older(device: Device, least: float) -> bool:
    return device.compute_capability is not None and device.compute_capability < least


def _lacking(what: str, device: Device, needs: str) -> Note:
    return note("does_not_run_on", what=what, device=device.id, needs=needs)


def refusal(why: Note) -> UsageError:
    """The error that says what `unmodelled` or `unable` found."""
    if "needs" in why.values:
        what, device, needs = (why.values[name] for name in ("what", "device", "needs"))
        return UsageError(f"{what} does not run on {device}: it needs {needs}.", "Name another --runtime or --quant.")
    if "vendors" not in why.values:
        return UsageError(f"{why.values['runtime']} on a processor alone is not modelled.", "Try --runtime llama.cpp.")
    vendors = ", ".join(why.values["vendors"])
    return UsageError(
        f"{why.values['runtime']} on {why.values['device']} is not modelled, only on GPUs of {vendors}.",
        "Name another --runtime, or a --quant that another one reads.",
    )
