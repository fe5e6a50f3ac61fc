"""``devices local``: what this machine has."""

from __future__ import annotations

from llmscale.answers.results.machine import LocalDevice, MachineResult, Ram
from llmscale.devices.detect.registry import ThisMachine, machine
from llmscale.devices.local import of
from llmscale.notes import Note, note, once


def local_machine(found: ThisMachine | None = None) -> MachineResult:
    """The devices and the RAM of this machine.

    Args:
        found: a machine that was looked at before; this one when None.
    """
    seen = machine() if found is None else found
    lines, notes = [], list[Note]()
    for device in seen.devices:
        meant = of([device])
        known = meant.id if meant.id != device.name and _is_known(meant.id) else None
        lines.append(LocalDevice(device.name, known, device.total, device.free, meant.usable, device.part))
        notes += meant.notes
    notes += [note("install_to_see", extra=extra) for extra in seen.missing]
    ram = Ram(seen.memory.total, seen.memory.available, seen.memory.limited) if seen.memory else None
    return MachineResult(tuple(lines), ram, once(notes))


def _is_known(device_id: str) -> bool:
    from llmscale.devices.device import known

    return known(device_id) is not None
