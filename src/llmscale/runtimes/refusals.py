"""What a runtime does not run: a quant that it does not read, a model that it has no code for, a device."""

from __future__ import annotations

from llmscale.devices.device import known
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.recipe import Quant
from llmscale.model.derived import by_tensors
from llmscale.notes import Note, note
from llmscale.runtimes.interface import Reads, RuntimeInfo

#: The reader of a quant that no tool writes.
ANY = "any"
#: How the quants of files are kept that not everybody reads.
FILE = "gguf"


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


def unmodelled(info: RuntimeInfo, devices: DeviceSet) -> Note | None:
    """Why nothing is said of the runtime on `devices`; None where something is, and of memory alone."""
    if devices.host:
        return None if info.on_host else note("no_processor", runtime=info.title)
    for kind in devices.kinds:
        device = known(kind.id)
        if device is not None and info.vendors and (device.vendor not in info.vendors or not device.gpu):
            return note("device_not_modelled", runtime=info.name, device=kind.id, vendors=list(info.vendors))
    return None


def unable(quant: Quant, devices: DeviceSet) -> Note | None:
    """Why a quant does not run on `devices`; None where it does, and of devices of which nothing is known."""
    if not quant.vendors and not quant.capability:
        return None
    for kind in devices.kinds:
        device = known(kind.id)
        if device is None:
            continue
        old = device.vendor == "NVIDIA" and (device.compute_capability or quant.capability) < quant.capability
        if old or (quant.vendors and device.vendor not in quant.vendors):
            return note("quant_not_on_device", quant=quant.name, device=kind.id, needs=quant.hardware)
    return None


def refusal(why: Note) -> UsageError:
    """The error that says what `unmodelled` or `unable` found."""
    if "quant" in why.values:
        quant, device, needs = (why.values[name] for name in ("quant", "device", "needs"))
        return UsageError(f"{quant} does not run on {device}: it needs {needs}.", "Name another --quant.")
    if "vendors" not in why.values:
        return UsageError(f"{why.values['runtime']} on a processor alone is not modelled.", "Try --runtime llama.cpp.")
    vendors = ", ".join(why.values["vendors"])
    return UsageError(
        f"{why.values['runtime']} on {why.values['device']} is not modelled, only on GPUs of {vendors}.",
        "Name another --runtime, or a --quant that another one reads.",
    )
