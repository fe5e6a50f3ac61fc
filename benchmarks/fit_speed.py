"""Fit the factors of `llmscale.speed` to published speeds, and measure what the fit is worth on rows it has not seen.

    python benchmarks/fit_speed.py            prints the tables and writes data/speed.yaml
    python benchmarks/fit_speed.py --check    only says whether data/speed.yaml is what the fit gives

The law is linear in its factors at one sequence, so each class of devices under a runtime is one regression: least
absolute deviation of the logarithm (a wild row cannot pull it), every factor at least its physical bound. A device with
rows of its own gets a correction against its class, shrunk towards none. Errors are of leave-one-model-out (a known
device, an unseen model) and leave-one-device-out (an unseen device); a class that has no rows is met by a fit of all
classes of its runtime, whose error is of leave-one-class-out. A row more than three times off the first fit of its
class, or above the roofline, is set apart, counted and named: it is not in the fit, but it is in every error and range
given. Ranges are the 2.5 % and 97.5 % quantiles of what was left out; their coverage is counted with each row's model (or
device) left out of the quantiles too.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from speed_rows import Row, rows  # noqa: E402

from llmscale.speed.law import REDUCES, Factors, Machine, Part, decode_seconds, prefill_seconds  # noqa: E402

OUT = Path(__file__).resolve().parent.parent / "data" / "speed.yaml"
#: A format with fewer rows in its class shares the factor of the commonest one there.
FORMAT_ROWS = 8
#: A factor that matters in fewer rows of a class is that of the runtime's pooled fit.
FACTOR_ROWS = 6
#: A class with fewer rows takes the runtime's pooled fit as a whole.
CLASS_ROWS = 3
#: A cache or state of a smaller share of the weights does not show.
MATTERS = 0.02
FREE = ("cache", "cache_no_flash", "state", "launch_us", "hop_us", "reduce_us", "compute")
#: Of prefill, besides the compute factor of each format.
FILL = ("experts", "attention", "attention_no_flash", "scan")
MICRO = 1e-6
#: llama.cpp multiplies quantised weights in INT8, at twice the FP16 rate of the datasheets.
INT8 = 0.5
FILL_BOUND = {"experts": INT8, "attention": 1.0, "attention_no_flash": 1.0, "scan": 0.0}
#: Runtimes with rows whose rate includes the prefill: their compute factor comes from those.
TOTALS = ("vllm", "vllm-eager")
#: Errors below this weigh alike in the fit.
FLOOR = 0.02
#: What stands for a factor that no row tells.
NOTHING = {"cache": 1.0, "cache_no_flash": 1.0, "state": 1.0, "launch_us": 0.0, "hop_us": 0.0, "reduce_us": 0.0, "compute": 1.0}
#: Rows at which a device's own correction counts half.
SHRINK = 2
#: Off by more, a row is set apart.
APART = 3.0
#: Ranges come from a class with so many rows left out, else from its runtime, else from all.
RANGE_ROWS = 30
#: And of so many models (devices).
RANGE_GROUPS = 5
WIDEST = 5.0
COVERAGE = 0.95
POOLED = "any"


class Law(NamedTuple):
    """Fitted factors of one class: `columns` names them, `theta` are their values."""

    formats: dict[str, str]
    columns: tuple[str, ...]
    theta: tuple[float, ...]
    devices: dict[str, tuple[float, int]]

    def value(self, name: str) -> float | None:
        """One factor by its name, None when the law has none."""
        return dict(zip(self.columns, self.theta)).get(name)

    def weights(self, format_class: str) -> str:
        """The column of a format; one that the class has not seen takes that of the commonest."""
        own = f"weights.{self.formats.get(format_class, format_class)}"
        return own if own in self.columns else f"weights.{next(iter(self.formats.values()))}"

    def factors(self, row: Row, known: bool = True) -> Factors:
        """As `llmscale.speed` takes them."""
        named = {name: self.value(name) or 0.0 for name in FREE}
        return Factors(
            weights=self.value(self.weights(row.format)) or 1.0,
            cache=named[_cache(row)],
            state=named["state"],
            launch=named["launch_us"] * MICRO,
            hop=named["hop_us"] * MICRO,
            reduce=named["reduce_us"] * MICRO,
            compute=named["compute"],
            device=self.devices.get(row.device, (1.0, 0))[0] if known else 1.0,
        )


def _cache(row: Row) -> str:
    return "cache" if row.flash else "cache_no_flash"


def terms(row: Row, columns: Sequence[str], own: str) -> list[float]:
    """Seconds of a token by factor, each as if its factor were 1 (or 1 microsecond); `own` is the row's weights column."""
    load, count = row.load, row.count if row.tensor_parallel else 1
    prompt = sum(row.prompt_flops) * row.prompt_share
    read = {
        own: load.step_bytes() / row.bandwidth / count,
        _cache(row): load.cache_bytes / row.bandwidth / count,
        "state": load.state_bytes / row.bandwidth / count,
        "launch_us": load.matrices * MICRO,
        "hop_us": 0.0 if row.tensor_parallel else (row.count - 1) * MICRO,
        "reduce_us": REDUCES * load.layers * MICRO if row.tensor_parallel else 0.0,
        "compute": prompt / row.flops / count if row.flops else 0.0,
    }
    return [read.get(column, 0.0) for column in columns]


def shared_formats(sample: Sequence[Row]) -> dict[str, str]:
    """Formats, commonest first, each to the one whose factor it takes: its own, or the commonest's where rows are few."""
    counts = Counter(row.format for row in sample).most_common()
    return {name: name if n >= FORMAT_ROWS else counts[0][0] for name, n in counts}


def fit(sample: Sequence[Row], shared: dict[str, float]) -> Law:
    """Least absolute deviation of log(time); `shared` fixes factors that this sample cannot tell."""
    formats = shared_formats(sample)
    own = {name: f"weights.{to}" for name, to in formats.items()}
    columns = (*sorted(set(own.values())), *(name for name in FREE if name not in shared))
    table = [terms(row, columns, own[row.format]) for row in sample]
    fixed = [sum(x * f for x, f in zip(terms(row, tuple(shared), ""), shared.values())) for row in sample]
    bounds = [0.0 if name.endswith("_us") else 1.0 for name in columns]
    theta = _lad(table, fixed, [1 / row.decode for row in sample], bounds)
    law = Law(formats, (*columns, *shared), (*theta, *shared.values()), {})
    return law._replace(devices=corrections((row.device, error) for row, error in errors(law, sample, known=False)))


def _lad(table: list[list[float]], fixed: list[float], times: list[float], bounds: list[float]) -> list[float]:
    """Minimise sum |log(prediction/time)|: reweighted least squares with lower bounds, coordinate by coordinate."""
    size = len(bounds)
    scaled = [[x / time for x in row] for row, time in zip(table, times)]
    aims = [1 - known / time for known, time in zip(fixed, times)]
    theta, weights = list(bounds), [1.0] * len(scaled)
    for _ in range(60):
        gram = [[sum(w * r[i] * r[j] for w, r in zip(weights, scaled)) for j in range(size)] for i in range(size)]
        side = [sum(w * r[i] * aim for w, r, aim in zip(weights, scaled, aims)) for i in range(size)]
        before = list(theta)
        for _ in range(200):
            for i in range(size):
                if gram[i][i]:
                    rest = sum(gram[i][j] * theta[j] for j in range(size) if j != i)
                    theta[i] = max((side[i] - rest) / gram[i][i], bounds[i])
        for k, (row, aim) in enumerate(zip(scaled, aims)):
            ratio = max(1 - aim + sum(x * f for x, f in zip(row, theta)), 1e-6)
            weights[k] = max(abs(math.log(ratio)), FLOOR) / max((ratio - 1) ** 2, FLOOR**2)
        if all(abs(now - then) <= 1e-4 * max(now, 1e-3) for now, then in zip(theta, before)):
            break
    return theta


def corrections(of: Iterable[tuple[str, float]]) -> dict[str, tuple[float, int]]:
    """By device, the median of measured time / the class' time, shrunk towards 1; and how many rows say so."""
    logs: dict[str, list[float]] = {}
    for device, error in of:
        logs.setdefault(device, []).append(-error)
    return {name: (math.exp(median(own) * len(own) / (len(own) + SHRINK)), len(own)) for name, own in logs.items()}


def ideal(row: Row) -> float:
    """Seconds of a token by the roofline."""
    count = row.count if row.tensor_parallel else 1
    return (row.load.step_bytes() + row.load.cache_bytes + row.load.state_bytes) / row.bandwidth / count


def seconds(law: Law, row: Row, known: bool = True) -> float:
    """Seconds of a token as the library gives them, with the prefill's share where the row's rate has one."""
    factors = law.factors(row, known)
    shares = 1 if row.tensor_parallel else row.count
    machine = Machine(row.bandwidth, row.flops, factors, row.count if row.tensor_parallel else 1)
    parts = [Part(row.load.share(1 / shares), machine)] * shares
    prompt = 0.0
    if row.prompt_share:
        prompt = prefill_seconds(parts, row.prompt_flops, row.prompt, row.chunk) or 0.0
    return decode_seconds(parts) + prompt * row.prompt_share


def errors(law: Law, sample: Iterable[Row], known: bool = True) -> list[tuple[Row, float]]:
    """Each row with log(measured / predicted tokens per second)."""
    return [(row, math.log(row.decode * seconds(law, row, known))) for row in sample]


def shared_of(sample: Sequence[Row], pooled: Law | None) -> dict[str, float]:
    """Factors that the sample cannot tell, for they matter in too few of its rows: the runtime's pooled fit tells them."""
    told = {
        "cache": sum(row.flash for row in sample if row.load.cache_bytes > MATTERS * row.load.step_bytes()),
        "cache_no_flash": sum(not row.flash for row in sample if row.load.cache_bytes > MATTERS * row.load.step_bytes()),
        "state": sum(row.load.state_bytes > MATTERS * row.load.step_bytes() for row in sample),
        "launch_us": len(sample),
        "hop_us": sum(row.count > 1 and not row.tensor_parallel for row in sample),
        "reduce_us": sum(row.tensor_parallel for row in sample),
        "compute": sum(row.prompt_share > 0 for row in sample),
    }
    base = dict(zip(pooled.columns, pooled.theta)) if pooled else NOTHING
    return {name: base.get(name, NOTHING[name]) for name, number in told.items() if number < FACTOR_ROWS}


class PrefillLaw(NamedTuple):
    """Compute factors by format, that of attention, and corrections by device."""

    formats: dict[str, str]
    columns: tuple[str, ...]
    theta: tuple[float, ...]
    devices: dict[str, tuple[float, int]]


def fit_prefill(sample: Sequence[tuple[Row, float]], pooled: PrefillLaw | None) -> PrefillLaw:
    """Like `fit`, of rows with the seconds that their passes over the weights take."""
    rows_ = [row for row, _ in sample]
    formats = shared_formats(rows_)
    told = {
        "experts": sum(row.prompt_flops.experts > 0 for row in rows_),
        "scan": sum(row.load.state_bytes > 0 for row in rows_),
        "attention": sum(row.flash for row in rows_),
        "attention_no_flash": sum(not row.flash for row in rows_),
    }
    base = dict(zip(pooled.columns, pooled.theta)) if pooled else FILL_BOUND
    shared = {name: base[name] for name, number in told.items() if number < FACTOR_ROWS}
    columns = (*sorted({f"compute.{to}" for to in formats.values()}), *(name for name in FILL if name not in shared))
    table = [_prefill_terms(row, columns, formats) for row, _ in sample]
    fixed = [
        read + sum(x * f for x, f in zip(_prefill_terms(row, tuple(shared), formats), shared.values()))
        for row, read in sample
    ]
    times = [row.prompt / row.prefill for row in rows_]
    theta = _lad(table, fixed, times, [FILL_BOUND.get(name, INT8) for name in columns])
    law = PrefillLaw(formats, (*columns, *shared), (*theta, *shared.values()), {})
    return law._replace(devices=corrections((row.device, error) for row, error in prefill_errors(law, sample, False)))


def _prefill_terms(row: Row, columns: Sequence[str], formats: dict[str, str]) -> list[float]:
    own = f"compute.{formats.get(row.format, next(iter(formats.values())))}"
    flops = row.prompt_flops
    attention = "attention" if row.flash else "attention_no_flash"
    ideal_of = {own: flops.weights / row.flops, "experts": flops.experts / row.flops}
    ideal_of[attention] = flops.attention / row.flops
    ideal_of["scan"] = row.prompt * row.load.state_bytes / row.bandwidth
    return [ideal_of.get(column, 0.0) for column in columns]


def prefill_errors(
    law: PrefillLaw, sample: Iterable[tuple[Row, float]], known: bool = True
) -> list[tuple[Row, float]]:
    """Each row with log(measured / predicted prefill tokens per second)."""
    found = []
    for row, read in sample:
        computing = sum(x * f for x, f in zip(_prefill_terms(row, law.columns, law.formats), law.theta))
        correction = law.devices.get(row.device, (1.0, 0))[0] if known else 1.0
        least = INT8 * sum(row.prompt_flops) / row.flops
        found.append((row, math.log(row.prefill / row.prompt * (read + max(computing * correction, least)))))
    return found


class Errors(NamedTuple):
    """log(measured / predicted) of rows: seen by the fit, and with their model, or their device, left out."""

    inside: list[tuple[Row, float]]
    model: list[tuple[Row, float]]
    device: list[tuple[Row, float]]


class Class(NamedTuple):
    """All rows of a runtime on a class of devices, or on any."""

    law: Law
    kept: int
    apart: list[Row]
    errors: Errors


def left_out(
    kept: Sequence[Row], apart: Sequence[Row], key: Callable[[Row], str], pooled: Law | None, known: bool
) -> list[tuple[Row, float]]:
    """Each row with its error under a fit that saw none of its model (or device), rows set apart included."""
    found: list[tuple[Row, float]] = []
    for name in sorted({key(row) for row in (*kept, *apart)}):
        rest = [row for row in kept if key(row) != name]
        held = [row for row in (*kept, *apart) if key(row) == name]
        if len(rest) >= CLASS_ROWS:
            found += errors(fit(rest, shared_of(rest, pooled)), held, known)
        elif pooled:
            found += errors(pooled._replace(devices={}), held, known)
    return found


def study(sample: Sequence[Row], pooled: Law | None) -> Class:
    """Fit one class, setting apart what cannot be right; without a `pooled` fit it is that of all classes."""
    sane = [row for row in sample if 1 / row.decode > ideal(row)]
    first = fit(sane, shared_of(sane, pooled))
    off = {id(row) for row, error in errors(first, sane) if abs(error) > math.log(APART)}
    kept = [row for row in sane if id(row) not in off]
    apart = [row for row in sample if not any(row is other for other in kept)]
    law = fit(kept, shared_of(kept, pooled))
    if pooled is None:
        outside = left_out(kept, apart, lambda row: row.device_class, None, False)
        return Class(law._replace(devices={}), len(kept), apart, Errors(errors(law, sample, False), outside, outside))
    model = left_out(kept, apart, lambda row: row.model, pooled, True)
    device = left_out(kept, apart, lambda row: row.device, pooled, False)
    return Class(law, len(kept), apart, Errors(errors(law, sample), model, device))


def study_prefill(sample: Sequence[tuple[Row, float]], pooled: PrefillLaw) -> tuple[PrefillLaw, Errors]:
    """The same for prefill; nothing is set apart."""
    law = fit_prefill(sample, pooled)
    outside: dict[str, list[tuple[Row, float]]] = {}
    for field, known in (("model", True), ("device", False)):
        outside[field] = []
        for name in sorted({getattr(row, field) for row, _ in sample}):
            rest = [pair for pair in sample if getattr(pair[0], field) != name]
            held = [pair for pair in sample if getattr(pair[0], field) == name]
            if len(rest) >= CLASS_ROWS:
                outside[field] += prefill_errors(fit_prefill(rest, pooled), held, known)
    return law, Errors(prefill_errors(law, sample), outside["model"], outside["device"])


def quantiles(logs: Iterable[float]) -> tuple[float, float]:
    """Logarithms of the factors around a prediction that hold `COVERAGE` of the measurements."""
    ranked = sorted(logs)
    skip = max(math.floor((len(ranked) + 1) * (1 - COVERAGE) / 2) - 1, 0)
    return min(ranked[skip], 0.0), max(ranked[len(ranked) - 1 - skip], 0.0)


class Ranges(NamedTuple):
    """The pool of left-out errors that each class takes its range from, and how far the range is widened.

    A class takes its own errors where they are many and of several models (devices), else its runtime's, else all. The
    rows of one model, or device, err alike, so a new one is met less often than the quantiles say: they are widened
    until enough rows lie inside a range to which their own model (device) gave nothing.
    """

    kind: str
    pools: dict[tuple[str, str], list[tuple[Row, float]]]
    own: dict[tuple[str, str], list[tuple[Row, float]]]
    wider: float

    def of(self, runtime: str, name: str) -> list[float]:
        """Factors below and above a prediction."""
        pool = self.pools[runtime, name]
        return [round(math.exp(self.wider * bound), 3) for bound in quantiles(error for _, error in pool)]

    def covered(self, wider: float, apart: Iterable[Row] = ()) -> float:
        """Share of rows inside; rows set apart count as rows, though no range was made from them."""
        inside, total = 0, len(list(apart))
        for key, pairs in self.own.items():
            for group in {getattr(row, self.kind) for row, _ in pairs}:
                rest = [error for row, error in self.pools[key] if getattr(row, self.kind) != group]
                low, high = quantiles(rest)
                held = [error for row, error in pairs if getattr(row, self.kind) == group]
                inside += sum(wider * low <= error <= wider * high for error in held)
                total += len(held)
        return inside / total


def ranges(kind: str, errors_: dict[tuple[str, str], list[tuple[Row, float]]]) -> Ranges:
    """The ranges of all classes, widened until they hold what they promise."""
    every = [pair for pairs in errors_.values() for pair in pairs]
    pools = {}
    for runtime, name in errors_:
        mine = [pair for (other, _), pairs in errors_.items() if other == runtime for pair in pairs]
        choices = (errors_[runtime, name], mine)
        pools[runtime, name] = next((pool for pool in choices if _enough(pool, kind)), every)
    made = Ranges(kind, pools, errors_, 1.0)
    while made.covered(made.wider) < COVERAGE and made.wider < WIDEST:
        made = made._replace(wider=made.wider + 0.01)
    return made


def _enough(pool: Sequence[tuple[Row, float]], kind: str) -> bool:
    return len(pool) >= RANGE_ROWS and len({getattr(row, kind) for row, _ in pool}) >= RANGE_GROUPS


def spread(pairs: Sequence[tuple[Row, float]]) -> dict[str, float]:
    """Rows, and of |predicted/measured - 1| in per cent the median and the 90th percentile."""
    misses = sorted(abs(math.exp(-error) - 1) for _, error in pairs)
    if not misses:
        return {"rows": 0}
    ninth = misses[math.ceil(0.9 * len(misses)) - 1]
    return {"rows": len(misses), "median": round(100 * median(misses), 1), "p90": round(100 * ninth, 1)}


class Study(NamedTuple):
    """Everything that was fitted, by runtime and class."""

    rows: list[Row]
    left_out: Counter[str]
    decode: dict[str, dict[str, Class]]
    prefill: dict[str, dict[str, tuple[PrefillLaw, Errors]]]


def everything() -> Study:
    """All fits and all errors."""
    found, missing = rows()
    decode: dict[str, dict[str, Class]] = {}
    prefill: dict[str, dict[str, tuple[PrefillLaw, Errors]]] = {}
    for runtime, _ in Counter(row.runtime for row in found).most_common():
        mine = [row for row in found if row.runtime == runtime]
        pooled = study(mine, None)
        decode[runtime] = {POOLED: pooled}
        for name, _ in Counter(row.device_class for row in mine).most_common():
            own = [row for row in mine if row.device_class == name]
            if len(own) >= CLASS_ROWS:
                decode[runtime][name] = study(own, pooled.law)
        read = [(row, _passes(decode[runtime], row)) for row in mine if row.prefill and row.flops]
        classes = Counter(row.compute_class for row, _ in read).most_common()
        big = {name: [pair for pair in read if pair[0].compute_class == name] for name, n in classes if n >= CLASS_ROWS}
        if big:
            pooled_fill = fit_prefill(read, None)
            prefill[runtime] = {name: study_prefill(pairs, pooled_fill) for name, pairs in big.items()}
    return Study(found, missing, decode, prefill)


def _passes(classes: dict[str, Class], row: Row) -> float:
    """Seconds that a prompt's passes over the weights take, its FLOPs apart."""
    law = classes.get(row.device_class, classes[POOLED]).law
    machine = Machine(row.bandwidth, row.flops, law.factors(row)._replace(compute=1.0))
    nothing = row.prompt_flops._replace(weights=0.0, attention=0.0, experts=0.0)
    return prefill_seconds([Part(row.load, machine)], nothing, row.prompt, row.chunk) or 0.0


def document(study_: Study) -> dict[str, object]:
    """What `data/speed.yaml` holds."""
    classes = {(r, name): found for r, each in study_.decode.items() for name, found in each.items() if name != POOLED}
    apart = [row for found in classes.values() for row in found.apart]
    off = {id(row) for row in apart}
    every = Errors(*([pair for found in classes.values() for pair in found.errors[k]] for k in range(3)))
    sane = Errors(*([pair for pair in pool if id(pair[0]) not in off] for pool in every))
    decode = {
        kind: ranges(kind, {key: _sane(getattr(found.errors, kind), off) for key, found in classes.items()})
        for kind in ("model", "device")
    }
    unseen = {(r, POOLED): _sane(each[POOLED].errors.device, off) for r, each in study_.decode.items()}
    decode["device_class"] = ranges("device_class", {key: pairs for key, pairs in unseen.items() if pairs})
    fills = {(r, name): errors_ for r, each in study_.prefill.items() for name, (_, errors_) in each.items()}
    fill_every = Errors(*([pair for errors_ in fills.values() for pair in errors_[k]] for k in range(3)))
    prefill = {
        kind: ranges(kind, {key: getattr(errors_, kind) for key, errors_ in fills.items()}) for kind in ("model", "device")
    }
    return {
        "version": 1,
        "made_by": "benchmarks/fit_speed.py; do not edit",
        "source": "tests/truth/speed.json",
        "rows": {
            "published": len(study_.rows) + sum(study_.left_out.values()),
            "used": len(study_.rows),
            "left_out": dict(study_.left_out.most_common()),
            "set_apart": [_named(row) for row in apart],
        },
        "accuracy": {
            "decode": _accuracy(every),
            "decode_without_set_apart": _accuracy(sane),
            "decode_published": _accuracy(Errors(*([p for p in pool if not p[0].community] for pool in every))),
            "decode_community": _accuracy(Errors(*([p for p in pool if p[0].community] for pool in every))),
            "prefill": _accuracy(fill_every),
        },
        "coverage": {
            "decode": {kind: _coverage(each, apart) for kind, each in decode.items()},
            "prefill": {kind: _coverage(each, ()) for kind, each in prefill.items()},
        },
        "runtimes": {
            runtime: {name: _class(runtime, name, found, decode) for name, found in each.items()}
            for runtime, each in study_.decode.items()
        },
        "prefill": {
            runtime: {name: _prefill(runtime, name, law, errors_, prefill) for name, (law, errors_) in each.items()}
            for runtime, each in study_.prefill.items()
        },
    }


def _sane(pairs: list[tuple[Row, float]], off: set[int]) -> list[tuple[Row, float]]:
    return [pair for pair in pairs if id(pair[0]) not in off]


def _coverage(each: Ranges, apart: Sequence[Row]) -> dict[str, float]:
    return {
        "widened": round(each.wider, 2),
        "share": round(each.covered(each.wider), 3),
        "share_with_set_apart": round(each.covered(each.wider, apart), 3),
    }


def _named(row: Row) -> str:
    return f"{row.runtime} {row.count}x {row.device} {row.model} {row.quant}: {row.decode:g} tok/s ({row.source})"


def _accuracy(pools: Errors) -> dict[str, dict[str, float]]:
    return {"in_sample": spread(pools.inside), "unseen_model": spread(pools.model), "unseen_device": spread(pools.device)}


def _class(runtime: str, name: str, found: Class, made: dict[str, Ranges]) -> dict[str, object]:
    law = found.law
    out: dict[str, object] = {
        "rows": found.kept,
        "set_apart": len(found.apart),
        "weights": {format_class: _round(law.value(law.weights(format_class))) for format_class in law.formats},
        **{factor: _round(law.value(factor)) for factor in FREE if factor != "compute"},
    }
    if runtime in TOTALS:
        out["compute"] = _round(law.value("compute"))
    if name != POOLED:
        out["devices"] = {device: [_round(by), n] for device, (by, n) in sorted(law.devices.items())}
        out["error"] = _accuracy(found.errors)
        out["range"] = {"known": made["model"].of(runtime, name), "unknown": made["device"].of(runtime, name)}
        return out
    unseen = made["device_class"]
    out["error"] = {"in_sample": spread(found.errors.inside), "unseen_class": spread(found.errors.device)}
    # A runtime that was measured on one class alone errs on another as those do that were measured on several.
    known = runtime if (runtime, name) in unseen.pools else next(iter(unseen.pools))[0]
    out["range"] = {"unknown": unseen.of(known, name)}
    return out


def _prefill(
    runtime: str, name: str, law: PrefillLaw, found: Errors, made: dict[str, Ranges]
) -> dict[str, object]:
    named = dict(zip(law.columns, law.theta))
    return {
        "rows": len(found.inside),
        "compute": {format_class: _round(named[f"compute.{to}"]) for format_class, to in law.formats.items()},
        **{factor: _round(named[factor]) for factor in FILL},
        "devices": {device: [_round(by), n] for device, (by, n) in sorted(law.devices.items())},
        "error": _accuracy(found),
        "range": {"known": made["model"].of(runtime, name), "unknown": made["device"].of(runtime, name)},
    }


def _round(value: float | None) -> float:
    return float(f"{value or 0.0:.4g}")


class _Plain(yaml.SafeDumper):
    """Without anchors: a list that stands twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> None:
    """Fit, print, and write or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with data/speed.yaml, write nothing")
    check = parser.parse_args().check
    data = document(everything())
    text = yaml.dump(data, Dumper=_Plain, sort_keys=False, default_flow_style=None, width=118, allow_unicode=True)
    if check:
        if OUT.read_text() != text:
            sys.exit(f"{OUT} is not what the fit gives; run this without --check.")
        return
    OUT.write_text(text)
    for key in ("accuracy", "coverage"):
        print(yaml.safe_dump({key: data[key]}, sort_keys=False, default_flow_style=None, width=110))
    print(f"{'runtime':13}{'class':16}{'rows':>5}{'apart':>6}{'in sample':>16}{'unseen model':>16}{'unseen device':>16}  range")
    for runtime, classes in data["runtimes"].items():  # type: ignore[attr-defined]
        for name, found in classes.items():
            kinds = list(found["error"].values())
            bounds = list(found["range"].values())[0]
            cells = "".join(f"{kind['median']:>8}/{kind['p90']:<7}" if kind["rows"] else f"{'-':>16}" for kind in kinds)
            print(f"{runtime:13}{name:16}{found['rows']:5}{found['set_apart']:6}{cells}  {bounds}")


if __name__ == "__main__":
    main()
