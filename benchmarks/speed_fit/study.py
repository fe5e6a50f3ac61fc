"""Every class of devices under every runtime: fitted, with its errors on what the fit has not seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from speed_fit.decode import Law, errors, fit, ideal, prompt_errors, shared_of
from speed_fit.prefill import FILL, PrefillLaw, fit_prefill, prefill_errors
from speed_fit.regression import FACTOR_ROWS
from speed_fit.rows import Row, rows

from llmscale.speed.law import Machine, Part, prefill_seconds

#: A class with fewer rows takes the runtime's pooled fit as a whole.
CLASS_ROWS = 3
#: So many tell a class in any case.
ENOUGH = 20
#: Off by more, a row is set apart.
APART = 3.0
POOLED = "any"

Measure = Callable[[Law, Sequence[Row], bool], list[tuple[Row, float]]]


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


class Prefill(NamedTuple):
    """The same for prefill."""

    law: PrefillLaw
    kept: int
    apart: list[Row]
    errors: Errors


def left_out(
    kept: Sequence[Row],
    apart: Sequence[Row],
    key: Callable[[Row], str],
    pooled: Law | None,
    known: bool,
    measure: Measure | None = None,
) -> list[tuple[Row, float]]:
    """Each row with its error under a fit that saw none of its model (or device), rows set apart included.

    One without which fewer rows are left of its class than it has itself, and than `ENOUGH`, has no such error: they
    do not tell a class.
    """
    measured = measure or errors
    found: list[tuple[Row, float]] = []
    for name in sorted({key(row) for row in (*kept, *apart)}):
        rest = [row for row in kept if key(row) != name]
        held = [row for row in (*kept, *apart) if key(row) == name]
        if len(rest) >= max(CLASS_ROWS, min(len(held), ENOUGH)):
            found += measured(fit(rest, shared_of(rest, pooled)), held, known)
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


def study_prefill(sample: Sequence[tuple[Row, float]], pooled: PrefillLaw) -> Prefill:
    """The same for prefill."""
    off = {
        id(row) for row, error in prefill_errors(fit_prefill(sample, pooled), sample) if abs(error) > math.log(APART)
    }
    kept = [pair for pair in sample if id(pair[0]) not in off]
    law = fit_prefill(kept, pooled)
    outside: dict[str, list[tuple[Row, float]]] = {}
    for field, known in (("model", True), ("device", False)):
        outside[field] = []
        for name in sorted({getattr(row, field) for row, _ in sample}):
            rest = [pair for pair in kept if getattr(pair[0], field) != name]
            held = [pair for pair in sample if getattr(pair[0], field) == name]
            if len(rest) >= CLASS_ROWS:
                outside[field] += prefill_errors(fit_prefill(rest, pooled), held, known)
    apart = [row for row, _ in sample if id(row) in off]
    return Prefill(law, len(kept), apart, Errors(prefill_errors(law, kept), outside["model"], outside["device"]))


class Study(NamedTuple):
    """Everything that was fitted, by runtime and class."""

    rows: list[Row]
    left_out: Counter[str]
    decode: dict[str, dict[str, Class]]
    prefill: dict[str, dict[str, Prefill]]


def everything() -> Study:
    """All fits and all errors."""
    found, missing = rows()
    decode: dict[str, dict[str, Class]] = {}
    prefill: dict[str, dict[str, Prefill]] = {}
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
        totals = study_totals(decode[runtime], mine)
        if totals:
            prefill[runtime] = totals
        if big:
            pooled_fill = fit_prefill(read, None)
            prefill[runtime] = {name: study_prefill(pairs, pooled_fill) for name, pairs in big.items()}
    return Study(found, missing, decode, prefill)


def study_totals(classes: dict[str, Class], mine: Sequence[Row]) -> dict[str, Prefill]:
    """The prefill of a runtime whose rates count it, by class: one factor of the weights, one of attention."""
    found: dict[str, Prefill] = {}
    for name, one in classes.items():
        own = [row for row in mine if row.device_class == name and all(row is not other for other in one.apart)]
        inside = prompt_errors(one.law, own)
        if name == POOLED or len(inside) < FACTOR_ROWS:
            continue
        compute = one.law.value("compute") or 1.0
        columns = (f"compute.{POOLED}", *FILL)
        scores = one.law.value("scores") or 1.0
        theta = (compute, compute, scores, scores, 0.0)
        formats = dict.fromkeys(one.law.formats, POOLED)
        pooled = classes[POOLED].law
        model = left_out(own, [], lambda row: row.model, pooled, True, prompt_errors)
        found[name] = Prefill(PrefillLaw(formats, columns, theta, {}), len(inside), [], Errors(inside, model, []))
    return found


def _passes(classes: dict[str, Class], row: Row) -> float:
    """Seconds that a prompt's passes over the weights take, its FLOPs apart."""
    law = classes.get(row.device_class, classes[POOLED]).law
    machine = Machine(row.bandwidth, row.flops, law.factors(row)._replace(compute=1.0), shaders=row.shaders)
    nothing = row.prompt_flops._replace(weights=0.0, attention=0.0, experts=0.0)
    return prefill_seconds([Part(row.load, machine)], nothing, row.prompt, row.chunk) or 0.0


def sane(pairs: list[tuple[Row, float]], off: set[int]) -> list[tuple[Row, float]]:
    return [pair for pair in pairs if id(pair[0]) not in off]
