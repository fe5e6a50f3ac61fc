"""Fit the factors of `llmscale.speed` to published speeds, and measure what the fit is worth on rows it has not seen.

    make speed                                prints the tables and writes data/speed.yaml
    python benchmarks/fit_speed.py --check    only says whether data/speed.yaml is what the fit gives

The law is linear in its factors at one sequence, so each class of devices under a runtime is one regression: least
absolute deviation of the logarithm (a wild row cannot pull it), every factor at least its physical bound, the rows of
one device counted together as the square root of their number. A device with rows of its own gets a correction against
its class, shrunk towards none, and a launch time too where its rows are many. Errors are of leave-one-model-out (a
known device, an unseen model) and leave-one-device-out (an unseen device; not told where the class is all but that
device, as vLLM's on HBM is the A100). A class that has no rows is met by a fit of all classes of its runtime, whose
error is of leave-one-class-out.

A row more than three times off the first fit of its class, or above the roofline, is set apart, counted and named: it
is not in the fit, but it is in every error given, and counts as a miss of its range. Ranges are the 2.5 % and 97.5 %
quantiles of what was left out, widened until they hold 95 rows in 100 when each row's own model (or device) is left out
of the quantiles too. The few settings of the fit (`FORMAT_ROWS`, `MATTERS`, `SHRINK`) were tried at two to four values
each; none moved the total error by more than a point.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from speed_fit.decode import FREE, ideal
from speed_fit.prefill import FILL
from speed_fit.ranges import RANGE_GROUPS, Ranges, quantiles, ranges, spread
from speed_fit.rows import Row
from speed_fit.study import POOLED, Class, Errors, Prefill, Study, everything, sane

OUT = Path(__file__).resolve().parent.parent / "data" / "speed.yaml"


def document(study_: Study) -> dict[str, Any]:
    """What `data/speed.yaml` holds."""
    classes = {(r, name): found for r, each in study_.decode.items() for name, found in each.items() if name != POOLED}
    apart = [row for found in classes.values() for row in found.apart]
    off = {id(row) for row in apart}
    every = Errors(*([pair for found in classes.values() for pair in found.errors[k]] for k in range(3)))
    kept = Errors(*([pair for pair in pool if id(pair[0]) not in off] for pool in every))
    decode = {
        kind: ranges(kind, {key: sane(getattr(found.errors, kind), off) for key, found in classes.items()}, apart)
        for kind in ("model", "device")
    }
    fills = {(r, name): found for r, each in study_.prefill.items() for name, found in each.items()}
    fill_apart = [row for found in fills.values() for row in found.apart]
    fill_off = {id(row) for row in fill_apart}
    fill_every = Errors(*([pair for found in fills.values() for pair in found.errors[k]] for k in range(3)))
    prefill = {
        kind: ranges(
            kind, {key: sane(getattr(found.errors, kind), fill_off) for key, found in fills.items()}, fill_apart
        )
        for kind in ("model", "device")
    }
    many = [each[POOLED] for each in study_.decode.values() if len(each) > RANGE_GROUPS]
    unmeasured = round(math.exp(min(low for pooled in many for low in _lowest(pooled).values())), 3)
    return {
        "version": 1,
        "made_by": "benchmarks/fit_speed.py; do not edit",
        "source": "tests/truth/speed.json, speed_{boards,apple,vllm,studio}.json",
        "rows": {
            "figures": len(study_.rows) + sum(study_.left_out.values()),
            "used": len(study_.rows),
            "left_out": dict(study_.left_out.most_common()),
            "set_apart": [_named(row) for row in apart],
            "set_apart_prefill": [_named(row) for row in fill_apart],
        },
        "accuracy": {
            "decode": {
                **_accuracy(every),
                "unseen_class": spread([p for each in study_.decode.values() for p in _classless(each)]),
            },
            "decode_without_set_apart": _accuracy(kept),
            "decode_published": _accuracy(Errors(*([p for p in pool if not p[0].community] for pool in every))),
            "decode_community": _accuracy(Errors(*([p for p in pool if p[0].community] for pool in every))),
            "prefill": _accuracy(fill_every),
        },
        "coverage": {
            "decode": {
                **{kind: _coverage(each, apart) for kind, each in decode.items()},
                "device_class": {"share": round(_unseen_covered(study_), 3)},
            },
            "prefill": {kind: _coverage(each, fill_apart) for kind, each in prefill.items()},
        },
        "unmeasured": unmeasured,
        "runtimes": {
            runtime: {name: _class(runtime, name, found, decode, unmeasured) for name, found in each.items()}
            for runtime, each in study_.decode.items()
        },
        "prefill": {
            runtime: {name: _prefill(runtime, name, found, prefill) for name, found in each.items()}
            for runtime, each in study_.prefill.items()
        },
    }


def _classless(each: Mapping[str, Class]) -> list[tuple[Row, float]]:
    """Errors of a runtime's rows under a fit that saw nothing of their class; only where it has several."""
    return each[POOLED].errors.device if len(each) > 2 else []


def _coverage(each: Ranges, apart: Sequence[Row]) -> dict[str, float]:
    return {
        "widened_by": round(math.exp(each.wider), 2),
        "share": round(each.covered(each.wider, apart), 3),
        "share_without_set_apart": round(each.covered(each.wider, ()), 3),
    }


def _named(row: Row) -> str:
    return f"{row.runtime} {row.count}x {row.device} {row.model} {row.quant}: {row.decode:g} tok/s ({row.source})"


def _accuracy(pools: Errors) -> dict[str, dict[str, float]]:
    return {
        "in_sample": spread(pools.inside),
        "unseen_model": spread(pools.model),
        "unseen_device": spread(pools.device),
    }


def _class(runtime: str, name: str, found: Class, made: dict[str, Ranges], unmeasured: float) -> dict[str, Any]:
    law = found.law
    out: dict[str, Any] = {
        "rows": found.kept,
        "set_apart": len(found.apart),
        "weights": {format_class: _round(law.value(law.weights(format_class))) for format_class in law.formats},
        **{factor: _round(law.value(factor)) for factor in FREE if factor not in ("compute", "scores")},
    }
    if name != POOLED:
        out["devices"] = {
            device: [_round(own.by), own.rows, *([] if own.launch_us is None else [_round(own.launch_us)])]
            for device, own in sorted(law.devices.items())
        }
        out["error"] = _accuracy(found.errors)
        out["range"] = {"known": made["model"].of(runtime, name), "unknown": made["device"].of(runtime, name)}
        return out
    out["error"] = {"in_sample": spread(found.errors.inside), "unseen_class": spread(found.errors.device)}
    out["range"] = {"unknown": [unmeasured, None]}
    return out


def _lowest(pooled: Class) -> dict[str, float]:
    """By class of devices, the lower quantile of its errors under a fit that saw none of it."""
    off = {id(row) for row in pooled.apart}
    pairs = sane(pooled.errors.device, off)
    names = {row.device_class for row, _ in pairs}
    return {name: quantiles(error for row, error in pairs if row.device_class == name)[0] for name in names}


def _unseen_covered(study_: Study) -> float:
    """Share of rows between the lowest of the other classes' lower quantiles and the roofline."""
    inside = total = 0
    for each in study_.decode.values():
        if len(each) <= RANGE_GROUPS:
            continue
        low = _lowest(each[POOLED])
        for row, error in each[POOLED].errors.device:
            others = min(bound for name, bound in low.items() if name != row.device_class)
            inside += others <= error and 1 / row.decode >= ideal(row)
            total += 1
    return inside / total


def _prefill(runtime: str, name: str, found: Prefill, made: dict[str, Ranges]) -> dict[str, Any]:
    law = found.law
    named = dict(zip(law.columns, law.theta, strict=True))
    return {
        "rows": found.kept,
        "set_apart": len(found.apart),
        "compute": {format_class: _round(named[f"compute.{to}"]) for format_class, to in law.formats.items()},
        **{factor: _round(named[factor]) for factor in FILL},
        "devices": {device: [_round(by), n] for device, (by, n) in sorted(law.devices.items())},
        "error": _accuracy(found.errors),
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
            sys.exit("data/speed.yaml is stale: run make speed")
        return
    OUT.write_text(text)
    for key in ("accuracy", "coverage"):
        print(yaml.safe_dump({key: data[key]}, sort_keys=False, default_flow_style=None, width=110))
    heads = ("in sample", "unseen model", "unseen device")
    print(f"{'runtime':13}{'class':16}{'rows':>5}{'apart':>6}" + "".join(f"{head:>16}" for head in heads) + "  range")
    for runtime, classes in data["runtimes"].items():
        for name, found in classes.items():
            kinds = list(found["error"].values())
            bounds = next(iter(found["range"].values()))
            cells = "".join(f"{kind['median']:>8}/{kind['p90']:<7}" if kind["rows"] else f"{'-':>16}" for kind in kinds)
            print(f"{runtime:13}{name:16}{found['rows']:5}{found['set_apart']:6}{cells}  {bounds}")


if __name__ == "__main__":
    main()
