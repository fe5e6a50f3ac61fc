"""The time of a decode step with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.speed.law import Part, decode_seconds
from llmscale.speed.predict import Speed, Stage

MILLI, MICRO, GIGA, TERA = 1e-3, 1e-6, 1e9, 1e12


def explain_decode(name: str, stages: Sequence[Stage], batch: int, speed: Speed) -> str:
    """One line: what each part of the layers reads, unpacks and launches, and the rate that follows."""
    parts = [Part(stage.load, stage.setup.machine) for stage in stages]
    alike = len({*parts}) == 1
    times = f"{len(parts)} x " if alike and len(parts) > 1 else ""
    told = times + "; then ".join(_part(stage, batch) for stage in (stages[:1] if alike else stages))
    known = "modelled" if speed.measured else "modelled; nothing like it was measured"
    step = decode_seconds(parts, batch) / MILLI
    return (
        f"  {name}: {told}; a step of {step:,.3g} ms makes {_digits(speed.value)} tokens "
        f"a second, {_digits(speed.low)} to {_digits(speed.high)} ({known}: data/speed.yaml, benchmarks/fit_speed.py)"
    )


def _digits(rate: float) -> str:
    return f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"


def _part(stage: Stage, batch: int) -> str:
    rows = stage.setup.rows
    by = stage.setup.machine.factors.device
    correction = f", x {by:.3g} for this device ({rows} rows)" if rows else ""
    return " + ".join(_terms(stage, batch)) + correction


def _terms(stage: Stage, batch: int) -> Iterator[str]:
    load, machine = stage.load, stage.setup.machine
    factors = machine.factors
    shared = f" / {machine.devices} devices" if machine.devices > 1 else ""
    read = [f"{load.step_bytes(batch) / GIGA:,.3g} GB of weights x {factors.weights:.3g}"]
    times = f"{batch} x " if batch > 1 else ""
    if load.cache_bytes:
        read.append(f"{times}{load.cache_bytes / GIGA:,.3g} GB of cache x {factors.cache:.3g}")
    if load.state_bytes:
        read.append(f"{times}{load.state_bytes / GIGA:,.3g} GB of state x {factors.state:.3g}")
    yield f"({' + '.join(read)}) at {machine.bandwidth / GIGA:,.5g} GB/s{shared}"
    if machine.shaders and factors.unpack:
        yield (
            f"{times}{load.flops / GIGA:,.3g} GFLOP x {factors.unpack:.3g} at {machine.shaders / TERA:,.3g} TFLOPS FP32"
        )
    if factors.launch:
        yield f"{load.matrices} matrices x {factors.launch / MICRO:.3g} us"
    if machine.devices > 1:
        yield f"{load.layers} layers x 2 exchanges x {factors.reduce / MICRO:.3g} us and more"
