"""The regression of decode speed: one law for a class of devices under a runtime."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from speed_fit.regression import FACTOR_ROWS, MANY_DEVICES, SHRINK, corrections, evened, lad, shared_formats
from speed_fit.rows import Row

from llmscale.speed.law import REDUCES, Factors, Machine, Part, decode_seconds, prefill_seconds

FREE = ("cache", "cache_no_flash", "state", "unpack", "launch_us", "hop_us", "reduce_us", "compute", "scores")
MICRO = 1e-6
#: A cache or state of a smaller share of the weights does not show.
MATTERS = 0.02
#: A prefill of at least this share of decode's time shows in a rate that counts both.
LONG_SHARE = 0.3
#: A device with so many rows, of so many models, is told apart in launching as well as in reading.
OWN_ROWS, OWN_MODELS = 8, 4
#: No device reads so much faster than its class.
LEAST = 0.3
#: What stands for a factor that no row tells, and the least that one can be: what adds to reading can be nothing.
NOTHING = {name: 0.0 if name.endswith("_us") or name == "unpack" else 1.0 for name in FREE}


class Own(NamedTuple):
    """A device against its class: a factor on all that it does, rows that say so, and its own launch time if told."""

    by: float = 1.0
    rows: int = 0
    launch_us: float | None = None


class Law(NamedTuple):
    """Fitted factors of one class: `columns` names them, `theta` are their values."""

    formats: dict[str, str]
    columns: tuple[str, ...]
    theta: tuple[float, ...]
    devices: dict[str, Own]

    def value(self, name: str) -> float | None:
        """One factor by its name, None when the law has none."""
        return dict(zip(self.columns, self.theta, strict=True)).get(name)

    def weights(self, format_class: str) -> str:
        """The column of a format; one that the class has not seen takes that of the commonest."""
        own = f"weights.{self.formats.get(format_class, format_class)}"
        return own if own in self.columns else f"weights.{next(iter(self.formats.values()))}"

    def factors(self, row: Row, known: bool = True) -> Factors:
        """As `llmscale.speed` takes them."""
        named = {name: self.value(name) or 0.0 for name in FREE}
        own = self.devices.get(row.device, Own()) if known else Own()
        launch = named["launch_us"] if own.launch_us is None else own.launch_us
        return Factors(
            weights=self.value(self.weights(row.format)) or 1.0,
            cache=named[_cache(row)],
            state=named["state"],
            unpack=named["unpack"],
            launch=launch * MICRO,
            hop=named["hop_us"] * MICRO,
            reduce=named["reduce_us"] * MICRO,
            compute=named["compute"],
            attention=named["scores"],
            device=own.by,
        )


def _unpacks(row: Row) -> bool:
    """Whether weights are unpacked on the shaders; kernels of vLLM and its like do it where matrices are multiplied."""
    return row.runtime == "llama.cpp" and row.shaders is not None


def _cache(row: Row) -> str:
    return "cache" if row.flash else "cache_no_flash"


def terms(row: Row, columns: Sequence[str], own: str) -> list[float]:
    """Seconds of a token by factor, each as if its factor were 1 (or 1 us); `own` is the row's weights column."""
    load, count = row.load, row.count if row.tensor_parallel else 1
    prompt = row.prompt_flops
    read = {
        own: load.step_bytes() / row.bandwidth / count,
        _cache(row): load.cache_bytes / row.bandwidth / count,
        "state": load.state_bytes / row.bandwidth / count,
        "unpack": load.flops / row.shaders / count if row.shaders and _unpacks(row) else 0.0,
        "launch_us": load.matrices * MICRO,
        "hop_us": 0.0 if row.tensor_parallel else (row.count - 1) * MICRO,
        "reduce_us": REDUCES * load.layers * MICRO if row.tensor_parallel else 0.0,
        "compute": (prompt.weights + prompt.experts) * row.prompt_share / row.flops / count if row.flops else 0.0,
        "scores": prompt.attention * row.prompt_share / row.flops / count if row.flops else 0.0,
    }
    return [read.get(column, 0.0) for column in columns]


def fit(sample: Sequence[Row], shared: dict[str, float]) -> Law:
    """Least absolute deviation of log(time); `shared` fixes factors that this sample cannot tell."""
    formats = shared_formats(sample)
    own = {name: f"weights.{to}" for name, to in formats.items()}
    columns = (*sorted(set(own.values())), *(name for name in FREE if name not in shared))
    table = [terms(row, columns, own[row.format]) for row in sample]
    fixed = [sum(x * f for x, f in zip(terms(row, tuple(shared), ""), shared.values(), strict=True)) for row in sample]
    bounds = [NOTHING.get(name, 1.0) for name in columns]
    theta = lad(table, fixed, [1 / row.decode for row in sample], bounds, evened(sample))
    law = Law(formats, (*columns, *shared), (*theta, *shared.values()), {})
    return law._replace(devices=_owns(law, sample))


def _owns(law: Law, sample: Sequence[Row]) -> dict[str, Own]:
    """What each device is against its class; of many, one with many rows has a launch time of its own."""
    found = {
        device: Own(by, n)
        for device, (by, n) in corrections((row.device, error) for row, error in errors(law, sample, False)).items()
    }
    for device in found if len(found) >= MANY_DEVICES else ():
        rows = [row for row in sample if row.device == device and row.count == 1]
        if len(rows) >= OWN_ROWS and len({row.model for row in rows}) >= OWN_MODELS:
            found[device] = _own(law, rows)
    return found


def _own(law: Law, rows: Sequence[Row]) -> Own:
    """Reading and launching of one device apart; a few rows of its class hold it."""
    launch = law.value("launch_us") or 0.0
    named = dict(zip(law.columns, law.theta, strict=True)) | {"launch_us": 0.0}
    without = law._replace(theta=tuple(named[column] for column in law.columns))
    table = [[seconds(without, row, known=False), row.load.matrices * MICRO] for row in rows]
    class_time = [read + launch * matrices for read, matrices in table]
    held = list(range(0, len(rows), max(1, len(rows) // SHRINK)))[:SHRINK]
    table += [table[i] for i in held]
    times = [1 / row.decode for row in rows] + [class_time[i] for i in held]
    by, own = lad(table, [0.0] * len(table), times, [LEAST, 0.0], [1.0] * len(table))
    return Own(by, len(rows), own / by)


def ideal(row: Row) -> float:
    """Seconds of a token by the roofline."""
    count = row.count if row.tensor_parallel else 1
    return (row.load.step_bytes() + row.load.cache_bytes + row.load.state_bytes) / row.bandwidth / count


def seconds(law: Law, row: Row, known: bool = True) -> float:
    """Seconds of a token as the library gives them, with the prefill's share where the row's rate has one."""
    factors = law.factors(row, known)
    shares = 1 if row.tensor_parallel else row.count
    count = row.count if row.tensor_parallel else 1
    machine = Machine(row.bandwidth, row.flops, factors, count, shaders=row.shaders)
    parts = [Part(row.load.share(1 / shares), machine)] * shares
    prompt = 0.0
    if row.prompt_share:
        prompt = prefill_seconds(parts, row.prompt_flops, row.prompt, row.chunk) or 0.0
    return decode_seconds(parts) + prompt * row.prompt_share


def errors(law: Law, sample: Iterable[Row], known: bool = True) -> list[tuple[Row, float]]:
    """Each row with log(measured / predicted tokens per second)."""
    return [(row, math.log(row.decode * seconds(law, row, known))) for row in sample]


def prompt_errors(law: Law, sample: Iterable[Row], known: bool = True) -> list[tuple[Row, float]]:
    """Of rows whose rate counts a long prefill: log(measured / predicted prefill rate), decode's error on it."""
    found = []
    for row in sample:
        alone = seconds(law, row._replace(prompt_share=0.0), known)
        predicted = seconds(law, row, known) - alone
        if predicted > LONG_SHARE * alone:
            # A row faster than its decode alone should be says no more than that its prefill was fast.
            found.append((row, math.log(predicted / max(1 / row.decode - alone, predicted * LONG_SHARE))))
    return found


def shared_of(sample: Sequence[Row], pooled: Law | None) -> dict[str, float]:
    """Factors that matter in too few rows of the sample to be told by it: the runtime's pooled fit tells them.

    Launching and unpacking need twice the rows, for they hide behind the weights of all but small models.
    """
    told = {
        "cache": sum(row.flash for row in sample if row.load.cache_bytes > MATTERS * row.load.step_bytes()),
        "cache_no_flash": sum(
            not row.flash for row in sample if row.load.cache_bytes > MATTERS * row.load.step_bytes()
        ),
        "state": sum(row.load.state_bytes > MATTERS * row.load.step_bytes() for row in sample),
        "unpack": sum(_unpacks(row) for row in sample) // (2 if pooled else 1),
        "launch_us": len(sample) // 2 if pooled else FACTOR_ROWS,
        "hop_us": sum(row.count > 1 and not row.tensor_parallel for row in sample),
        "reduce_us": sum(row.tensor_parallel for row in sample),
        "compute": sum(row.prompt_share > 0 for row in sample),
        "scores": sum(row.prompt_share > 0 for row in sample),
    }
    base = dict(zip(pooled.columns, pooled.theta, strict=True)) if pooled else NOTHING
    return {name: base.get(name, NOTHING[name]) for name, number in told.items() if number < FACTOR_ROWS}
