"""``needs --train``: on which devices a model can be trained, smallest memory first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmscale.answers.needs_devices import counts_of, filtered
from llmscale.answers.results.common import model_ref
from llmscale.answers.results.needs_train import NeedsTrainResult, TrainingDevice
from llmscale.answers.train_fit import VENDOR, step_usage
from llmscale.answers.train_held import Way
from llmscale.answers.train_layouts import NO_LAYOUT, layouts
from llmscale.answers.train_memory import MemoryAsked, check_memory, sequence_of
from llmscale.devices import device as catalogue
from llmscale.devices.device import Device
from llmscale.devices.sets import set_of
from llmscale.errors import UndisclosedError, UsageError
from llmscale.fit.subject import model_of
from llmscale.model.spec import ModelSpec
from llmscale.notes import note
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import UNLIMITED, Verdict
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load
from llmscale.training.methods import MethodChoice
from llmscale.units import GIB

#: What may be asked for, and how it is computed.
TRAINED = {"full": "bf16", "lora": "bf16", "qlora": "bf16"}
USUAL_KIND, LARGE_KIND = "consumer", "datacentre"
MOST_ROWS = 12
#: Compute capability from which bf16 is a device's own format (CUDA C++ Programming Guide, from memory).
SIXTEEN_BITS = 8.0


class Filters(NamedTuple):
    """Which devices may be named."""

    kinds: Sequence[str] = ()
    max_price: float | None = None
    max_count: int | None = None


ANY = Filters()


def needs_train(
    reference: str, method: str, memory: MemoryAsked, filters: Filters = ANY, own: str | None = None
) -> NeedsTrainResult:
    """One row a size of memory on which the step surely fits; several of one kind where no single one is enough.

    Args:
        own: a catalogue of the user's own models.

    Raises:
        UsageError: a method that is not one of `TRAINED`, a model whose activations are not modelled.
    """
    if method not in TRAINED:
        raise UsageError(f"--train {method[:40]} is not known.", f"One of: {', '.join(TRAINED)}.")
    counts = counts_of(filters.max_count)
    filters = filters._replace(kinds=tuple(filtered(filters.kinds, filters.max_price, counts[0])))
    check_memory(memory)
    loaded = load(reference, catalogue=own)
    if isinstance(loaded, Undisclosed) or not loaded.spec.shape_known:
        raise UndisclosedError(
            f"The tensors of {reference} are not known: what training it takes cannot be said.",
            "Take a model with a published config.",
        )
    spec = loaded.spec
    choice = MethodChoice("full" if method == "full" else "lora")
    way = Way(choice, TRAINED[method], "adamw", memory._replace(packed=method == "qlora"))
    alone = step_usage(spec, way, UNLIMITED)
    if alone is None:
        raise UsageError(
            f"What {spec.name} keeps for backward is not modelled, so no device can be named.",
            f"llmscale train {reference} says weights, gradients and states.",
        )
    of_kind = [device for device in catalogue.entries() if _may(device, filters)]
    rows = list(_single(spec, way, _usual(of_kind, filters)) or _single(spec, way, of_kind))
    for most in counts:
        rows = rows or sorted(_several(spec, way, of_kind, most), key=lambda row: row.memory_bytes)
    return NeedsTrainResult(
        model=model_ref(model_of(spec).about),
        train=method,
        precision=way.precision,
        sequence=sequence_of(spec, memory),
        micro_batch=memory.micro_batch,
        checkpointing=memory.checkpointing,
        least_bytes=alone.used,
        least_range=(alone.least, alone.most),
        devices=tuple(rows[:MOST_ROWS]),
        notes=(note("needs_train_more", model=reference, method=method),),
    )


def _may(device: Device, filters: Filters) -> bool:
    if device.vendor != VENDOR or (device.compute_capability or 0) < SIXTEEN_BITS:
        return False
    if filters.kinds and device.kind not in filters.kinds:
        return False
    return filters.max_price is None or (device.price_usd or float("inf")) <= filters.max_price


def _usual(devices: Iterable[Device], filters: Filters) -> list[Device]:
    return [each for each in devices if filters.kinds or (each.kind == USUAL_KIND and each.price_usd)]


def _single(spec: ModelSpec, way: Way, devices: Iterable[Device]) -> list[TrainingDevice]:
    """The cheapest of each size that is enough alone."""
    enough: dict[int, list[Device]] = {}
    for device in devices:
        found = step_usage(spec, way, set_of(device).usable)
        if found and found.verdict is Verdict.YES:
            enough.setdefault(round(set_of(device).memory / GIB), []).append(device)
    return [_row(spec, way, enough[size]) for size in sorted(enough)]


def _row(spec: ModelSpec, way: Way, alike: list[Device]) -> TrainingDevice:
    first, *others = sorted(alike, key=lambda each: (each.price_usd or float("inf"), each.id))
    devices = set_of(first)
    found = step_usage(spec, way, devices.usable)
    used, ends = (found.used, (found.least, found.most)) if found else (0, (0, 0))
    return TrainingDevice(
        id=first.id,
        name=first.name,
        kind=first.kind,
        count=1,
        memory_bytes=devices.memory,
        usable_bytes=devices.usable,
        used_bytes=used,
        used_range=ends,
        layout={},
        price_usd=first.price_usd,
        others=tuple(each.id for each in others),
    )


def _several(spec: ModelSpec, way: Way, devices: Iterable[Device], most: int) -> Iterator[TrainingDevice]:
    """The fewest of one large device, a power of two, for each size of memory."""
    sizes: dict[int, Device] = {}
    for device in devices:
        if device.kind == LARGE_KIND and device.fp16_tflops:
            sizes.setdefault(round(device.memory / GIB), device)
    for _, device in sorted(sizes.items()):
        count = 2
        while count <= most:
            best, _ = layouts(spec, way, set_of(device, count), count, NO_LAYOUT._replace(precise=True))
            if best and best[0].fits == Verdict.YES.value:
                cut = best[0]
                yield TrainingDevice(
                    id=device.id,
                    name=device.name,
                    kind=device.kind,
                    count=count,
                    memory_bytes=count * device.memory,
                    usable_bytes=set_of(device).usable,
                    used_bytes=cut.used_bytes,
                    used_range=cut.used_range,
                    layout={name: getattr(cut, name) for name in ("dp", "tp", "pp", "cp", "ep", "zero")},
                    price_usd=device.price_usd * count if device.price_usd else None,
                    others=(),
                )
                break
            count *= 2
