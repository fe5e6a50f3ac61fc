"""``models local``: the models on this disk, by their headers, and which of them fit the devices of this machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic

from llmscale.answers.question import named_devices, question
from llmscale.answers.results.stored import LocalDeviceRef, LocalModel, LocalModelsResult, LookedIn, UnreadableFile
from llmscale.devices.local import LOCAL
from llmscale.devices.processor import CPU
from llmscale.devices.sets import DeviceSet
from llmscale.errors import LlmscaleError, NotFoundError, UnsupportedModelError, UsageError
from llmscale.fit.choose import answer
from llmscale.fit.question import Question
from llmscale.fit.subject import model_of
from llmscale.formats.recipe import Quant
from llmscale.model.inventory import inventory
from llmscale.notes import Note, note, once
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import Verdict
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load
from llmscale.sources.stores.interface import Broken, Found, Kind
from llmscale.sources.stores.registry import stores

#: Seconds that headers are read for; what is left then is listed by its files alone.
SECONDS = 20.0


class _Asked(NamedTuple):
    devices: DeviceSet | None
    question: Question
    catalogue: str | None


def local_models(
    gpu: str | None = None, *, context: int | None = None, catalogue: str | None = None, seconds: float = SECONDS
) -> LocalModelsResult:
    """The models that other programs keep on this disk.

    Args:
        gpu: the device that they are to fit; this machine's own, else its processor, when None.
        context: tokens to answer for.
        seconds: how long headers are read at most.
    """
    devices = _here() if gpu is None else named_devices([gpu])[0]
    asked = _Asked(devices, question(context), catalogue)
    until = monotonic() + seconds
    models: list[LocalModel] = []
    unreadable: list[UnreadableFile] = []
    looked = []
    for store in stores():
        looked.append(LookedIn(store.keeper, store.folder, os.path.isdir(store.folder)))
        for found in store.look(store.folder):
            one = _one(found, store.keeper, asked, until)
            if isinstance(one, LocalModel):
                models.append(one)
            else:
                unreadable.append(one)
    return LocalModelsResult(
        device=LocalDeviceRef(devices.id, devices.name, devices.total_usable) if devices else None,
        models=tuple(models),
        unreadable=tuple(unreadable),
        looked_in=tuple(looked),
        notes=once(_notes(devices, models, monotonic() > until)),
    )


def _here() -> DeviceSet | None:
    """What this machine runs models on: its devices, else its processor; None where it says nothing of either."""
    for name in (LOCAL, CPU):
        try:
            return named_devices([name])[0]
        except (NotFoundError, UsageError):
            continue
    return None


def _one(held: Found, keeper: str, asked: _Asked, until: float) -> LocalModel | UnreadableFile:
    if isinstance(held, Broken):
        return UnreadableFile(held.path, keeper, held.why)
    try:
        size = held.bytes
    except OSError as error:
        return UnreadableFile(held.files[0], keeper, f"{error.strerror}")
    listed = LocalModel(held.name, keeper, held.reference, held.kind.value, size)
    if held.kind is Kind.TOWERS or monotonic() > until:
        return listed
    try:
        loaded = load(held.reference, catalogue=asked.catalogue)
    except LlmscaleError as error:
        return UnreadableFile(held.reference, keeper, error.message)
    if isinstance(loaded, Undisclosed) or loaded.stored is None:
        return listed
    return _sized(listed, loaded, loaded.stored, asked)


def _sized(listed: LocalModel, loaded: Loaded, stored: Quant, asked: _Asked) -> LocalModel:
    listed.main_format = _main_format(stored)
    listed.bits_per_weight = stored.bits
    listed.parameters = inventory(loaded.spec).total()
    if asked.devices is None:
        return listed
    try:
        model = model_of(loaded.spec, stored)
        chosen = answer(model, stored, asked.devices, asked.question)
    except (UsageError, UnsupportedModelError):
        return listed
    placed = chosen.placed
    listed.runtime = chosen.runtime.info.name
    listed.context = chosen.settled.work.context
    listed.total_bytes = placed.total
    listed.fits, listed.may_fit = placed.fits is Verdict.YES, placed.fits is not Verdict.NO
    return listed


def _main_format(stored: Quant) -> str | None:
    """The number format that most bytes are in."""
    sizes: Counter[str] = Counter()
    for each in stored.stored:
        sizes[each.form.name] += each.bytes
    return max(sizes, key=sizes.__getitem__, default=None)


def _notes(devices: DeviceSet | None, models: Sequence[LocalModel], late: bool) -> Iterator[Note]:
    if devices is None:
        yield note("local_no_device")
    elif any(model.fits is None and model.bits_per_weight for model in models):
        yield note("local_not_modelled", device=devices.name)
    if late and any(model.bits_per_weight is None for model in models):
        yield note("local_late")
    if devices:
        yield from devices.notes
