"""``models check`` and ``devices check``: models recounted and held against what is stated, what devices lack."""

from __future__ import annotations

from collections.abc import Iterable

from llmscale.answers.results.check import CheckedContext, CheckedDevice, CheckedModel, CheckResult, DeviceCheckResult
from llmscale.catalogue import entries as model_catalogue
from llmscale.devices.device import Device, entries, made
from llmscale.devices.missing import missing
from llmscale.model.inventory import inventory
from llmscale.sources.catalogue import of_entry
from llmscale.store.progress import counted as counted_items

#: A stated figure further off than this from the count needs a written reason.
STATED_WITHIN = 0.005
#: How `checked` begins where nobody read the hyper-parameters anywhere.
RECALLED = "recalled"


def check_models(*, catalogue: str | None = None) -> CheckResult:
    """Recount every catalogue model that has hyper-parameters and hold it against what its publisher states.

    The models of the user's own `catalogue` are among them.
    """
    differing, contexts, recalled, checked = [], [], [], 0
    every = list(model_catalogue.entries(catalogue))
    for entry in counted_items(every, len(every), "models recounted"):
        if not entry.config:
            continue
        spec = of_entry(entry).known()
        if spec.max_context and spec.max_context != entry.context and not entry.origin:
            contexts.append(CheckedContext(entry.id, entry.context, spec.max_context, entry.owner))
        if entry.checked.startswith(RECALLED):
            recalled.append(entry.id)
        if not entry.parameters:
            continue
        checked += 1
        counted = inventory(spec).total()
        relative = entry.parameters / counted - 1
        if abs(relative) > STATED_WITHIN:
            differing.append(
                CheckedModel(
                    id=entry.id,
                    stated=entry.parameters,
                    counted=counted,
                    relative=relative,
                    difference=entry.difference,
                    explained=bool(entry.difference),
                    source=entry.owner,
                )
            )
    unexplained = sum(not line.explained for line in differing)
    return CheckResult(checked, tuple(differing), unexplained, tuple(contexts), tuple(recalled))


def check_devices(file: str = "") -> DeviceCheckResult:
    """What is not known, or was not checked, of the devices of `file`, or of those that ship.

    Raises:
        InputFileError: a file that cannot be read, or an entry that does not fit.
    """
    devices = list(_of_file(file) if file else entries())
    lines = [CheckedDevice(device.id, missing(device), tuple(device.recalled)) for device in devices]
    told = tuple(line for line in lines if line.missing or line.recalled)
    return DeviceCheckResult(len(devices), told, sum(bool(line.missing) for line in told), file)


def _of_file(path: str) -> Iterable[Device]:
    from llmscale.devices.schema import check
    from llmscale.store.yaml_file import YamlFile

    return map(made, check(YamlFile.read(path))["entries"].values())
