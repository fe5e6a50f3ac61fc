"""The fitted factors of a runtime on a device, from `data/speed.yaml`, which `benchmarks/fit_speed.py` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscale.devices.device import Device
from llmscale.records import NamedTuple
from llmscale.speed.classes import compute_class, device_class, format_class, matrix_tflops
from llmscale.speed.law import Factors, Machine

MICRO = 1e-6
#: The fit of all classes of a runtime; there only where many were measured.
POOLED = "any"
#: A processor with its own memory.
CPU = "cpu"
#: A runtime that is another's engine under its own name.
ENGINE = {"ollama": "llama.cpp"}
#: Whose factors stand for a runtime's on devices that it was not measured on.
STANDS_IN = {"sglang": "vllm"}
#: The vendors whose devices a runtime is for; llama.cpp is for all.
MEANT_FOR = {
    "mlx": ("Apple",),
    "exllama": ("NVIDIA", "AMD"),
    "vllm": ("NVIDIA", "AMD"),
    "sglang": ("NVIDIA", "AMD"),
    "transformers": ("NVIDIA", "AMD"),
}


class Range(NamedTuple):
    """Factors around a prediction; no `high` leaves it at the roofline."""

    low: float
    high: float | None


class Setup(NamedTuple):
    """Devices under a runtime, with how well it is known what they do.

    Attributes:
        machine: what the law takes.
        decode: range of decode tokens/s, of one sequence on devices of one kind.
        prefill: range of prefill tokens/s; None when prefill cannot be told.
        rows: measurements of this very device; none makes the ranges those of an unseen device.
        measured: whether its class of devices was measured under this runtime at all.
        unmeasured: lower end of the range where the law was not held against anything alike.
    """

    machine: Machine
    decode: Range
    prefill: Range | None
    rows: int
    measured: bool
    unmeasured: float


def setup(
    table: Mapping[str, Any],
    runtime: str,
    device: Device,
    format_id: str,
    *,
    count: int = 1,
    link: float | None = None,
    flash: bool = True,
) -> Setup | None:
    """`count` devices that share each matrix, or one of those that share the layers; None where nothing is known.

    Args:
        table: `data/speed.yaml`.
        runtime: as the table calls it.
        format_id: of the weights.
        link: bytes per second between two of them, one way.
        flash: whether attention runs without writing its scores to memory.
    """
    if device.bandwidth_gb_s is None:
        return None
    own = _Name(runtime, device_class(device), compute_class(device), device.id, device.vendor)
    tflops, shaders = matrix_tflops(device), device.fp32_tflops
    machine = Machine(
        bandwidth=device.bandwidth_gb_s * 1e9,
        flops=tflops * 1e12 if tflops else None,
        factors=Factors(),
        devices=count,
        link=link,
        shaders=shaders * 1e12 if shaders else None,
    )
    return _setup(table, own, machine, format_id, flash)


def standing_in(table: Mapping[str, Any], runtime: str, found: Setup, format_id: str) -> Setup:
    """`found`, with the prefill of the runtime's first class where nobody measured that of its own."""
    engine = ENGINE.get(runtime, STANDS_IN.get(runtime, runtime))
    fills = table["prefill"].get(runtime) or table["prefill"].get(engine)
    if found.machine.factors.compute is not None or not fills:
        return found
    fill = next(iter(fills.values()))
    factors = found.machine.factors._replace(
        compute=_of(fill["compute"], format_id),
        experts=fill["experts"],
        attention=fill["attention"],
        scan=fill["scan"],
    )
    return found._replace(machine=found.machine._replace(factors=factors))


def host_setup(table: Mapping[str, Any], runtime: str, bandwidth: float, format_id: str) -> Setup | None:
    """The processor and its memory of so many bytes per second, where layers or experts lie that no device holds."""
    return _setup(table, _Name(runtime, CPU, CPU, "", ""), Machine(bandwidth, None, Factors()), format_id, True)


class _Name(NamedTuple):
    runtime: str
    device_class: str
    compute_class: str
    device: str
    vendor: str


def _setup(
    table: Mapping[str, Any],
    name: _Name,
    bare: Machine,
    format_id: str,
    flash: bool,
) -> Setup | None:
    runtime, found, measured = _class(table, name)
    if found is None or (found["unpack"] and not bare.shaders and name.device_class != CPU):
        return None
    # A device with many rows has a launch time of its own besides its factor.
    correction, rows, *own = found.get("devices", {}).get(name.device, (1.0, 0))
    fill = table["prefill"].get(runtime, {}).get(name.compute_class)
    factors = Factors(
        weights=_of(found["weights"], format_id),
        cache=found["cache" if flash else "cache_no_flash"],
        state=found["state"],
        unpack=found["unpack"],
        launch=(own[0] if own else found["launch_us"]) * MICRO,
        hop=found["hop_us"] * MICRO,
        reduce=found["reduce_us"] * MICRO,
        device=correction,
    )
    known = "known" if rows else "unknown"
    prefill = None
    if fill is not None:
        by, fill_rows = fill["devices"].get(name.device, (1.0, 0))
        factors = factors._replace(
            compute=by * _of(fill["compute"], format_id),
            experts=by * fill["experts"],
            attention=by * fill["attention" if flash else "attention_no_flash"],
            scan=by * fill["scan"],
        )
        prefill = Range(*fill["range"]["known" if fill_rows else "unknown"]) if bare.flops else None
    machine = bare._replace(factors=factors)
    return Setup(machine, Range(*found["range"][known]), prefill, rows, measured, table["unmeasured"])


def _class(table: Mapping[str, Any], name: _Name) -> tuple[str, Mapping[str, Any] | None, bool]:
    """The runtime whose factors are taken, those of the class, and whether they were measured on such devices."""
    runtime = ENGINE.get(name.runtime, name.runtime)
    if name.vendor not in MEANT_FOR.get(runtime.partition("-")[0], (name.vendor,)):
        return runtime, None, False
    classes = table["runtimes"].get(runtime, {})
    found = classes.get(name.device_class)
    if runtime in STANDS_IN and (found is None or name.device not in found["devices"]):
        classes = table["runtimes"][STANDS_IN[runtime]]
        return STANDS_IN[runtime], classes.get(name.device_class) or classes[POOLED], False
    if found is not None:
        return runtime, found, True
    return runtime, classes.get(POOLED), False


def _of(by_format: Mapping[str, float], format_id: str) -> float:
    """The factor of a format; of the commonest one, which stands first, where its class was not measured."""
    return by_format.get(format_class(format_id), next(iter(by_format.values())))
