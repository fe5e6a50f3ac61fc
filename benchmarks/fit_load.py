"""``python -m benchmarks.fit_load``: fit what a server's processor takes, and write `data/load.yaml`.

Three times (a step, a token written in it, a request) are fitted to the published rows of `tests/truth/load.json` that
are of users who ask again when they are answered; all else is the law of `data/speed.yaml` and the placement. Each
source weighs alike. Errors and ranges are of rows whose source the fit did not see. Ranges hold 95 of 100 of them; as
most rows are of one source they are widened until they hold as many of a model that they were not made from, and the
file says how many of a source. ``--check`` writes nothing and says whether the file is another.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import yaml

from llmscale.answers.load import at_once, load_of
from llmscale.answers.placed import Laid
from llmscale.answers.question import named_devices, question
from llmscale.errors import LlmscaleError
from llmscale.fit.choose import answer
from llmscale.fit.pace import moved
from llmscale.fit.subject import Model, model_of
from llmscale.fit.under_load import MICRO, class_of, server_of
from llmscale.formats.select import named
from llmscale.sources.registry import load
from llmscale.speed.interleaved import Host, Server, Steady, Users, steady

ROOT = Path(__file__).parents[1]
TRUTH, DATA = ROOT / "tests" / "truth" / "load.json", ROOT / "data" / "load.yaml"
HEAD = "# Made by benchmarks/fit_load.py from tests/truth/load.json; do not edit.\n"
#: Where the search begins, and the steps that it tries, as factors.
START, STEPS = Host(1e-3, 1e-4, 2e-2), (2.0, 1.4, 1.2, 1.1, 1.03)
#: Share of the rows that a range leaves out on each side.
TAIL = 0.025
#: Fewer rows of a kind of cards have no range of their own.
ENOUGH = 20
#: Share of a model's rows that a range made from all others is to hold, and by what it is widened until it does.
HELD, WIDER = 0.93, (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
#: The figures: how each is called in the file, where its truth stands, in seconds, and what is told of it.
FIGURES: dict[str, tuple[str, float, Callable[[Steady], float]]] = {
    "tokens_per_second": ("tokens_per_second", 1.0, lambda state: state.tokens_per_second),
    "first_token": ("ttft_ms", 1e-3, lambda state: state.first_token),
    "between": ("tpot_ms", 1e-3, lambda state: state.between),
}


class Asked(NamedTuple):
    """A row as the law knows it, without what the processor takes."""

    row: dict[str, Any]
    server: Server
    users: Users
    group: str

    def state(self, host: Host) -> Steady:
        return steady(self.server._replace(host=host), self.users)

    def logs(self, host: Host) -> dict[str, float]:
        """Logarithm of ours over the truth, of each figure that the row has."""
        state = self.state(host)
        found = ((name, self.row[key], unit, of) for name, (key, unit, of) in FIGURES.items())
        return {name: log(of(state) / (truth * unit)) for name, truth, unit, of in found if truth}


def rows() -> Iterator[dict[str, Any]]:
    """The rows of the file, with their lists put in."""
    table = json.loads(TRUTH.read_text(encoding="utf-8"))
    for values in table["rows"]:
        row = dict(zip(table["columns"], values, strict=True))
        yield row | {name: table[kind][row[name]] for name, kind in (("source", "sources"), ("unusual", "unusual"))}


def asked(row: dict[str, Any]) -> Asked | None:
    """None where it is refused, or has no speed or no room."""
    load_asked = load_of(row["users"], row["prompt"], row["answer"])
    assert load_asked is not None
    users = load_asked.users
    (devices,) = named_devices([f"{row['tp']}x {row['card']}"])
    wanted = question(users.context, users.number, runtime=row["engine"], options=row["options"])
    try:
        chosen = answer(_model(row["model"]), named(row["quant"]), devices, wanted)
    except LlmscaleError:
        return None
    one = Laid(chosen.runtime, chosen.subject, chosen.asked, chosen.settled, devices, None)
    work, layers = chosen.settled.work, chosen.placed.layers
    room, held = chosen.runtime.step_room(work, devices), at_once(one, users)
    if room is None or not held:
        return None
    together = replace(devices, count=room.devices) if room.devices else devices
    found = server_of(chosen.runtime, moved(chosen.subject), row["quant"], work, layers, together, users)
    if found is None:
        return None
    server, stages = found
    own = server._replace(sequences=min(held, server.sequences or held))
    return Asked(row, own, users, class_of(chosen.runtime, devices, stages))


@cache
def _model(name: str) -> Model:
    found = load(name)
    return model_of(found.known(), found.stored, found.notes)


def fit(sample: Sequence[Asked]) -> Host:
    """The times with the least error, each source weighing alike: one after another, in smaller and smaller steps."""
    best, least = START, _loss(sample, START)
    for step in STEPS:
        moving = True
        while moving:
            moving = False
            for name in Host._fields:
                for factor in (step, 1 / step):
                    tried = best._replace(**{name: getattr(best, name) * factor})
                    loss = _loss(sample, tried)
                    if loss < least * (1 - 1e-6):
                        best, least, moving = tried, loss, True
    return best


def _loss(sample: Sequence[Asked], host: Host) -> float:
    by: dict[str, list[float]] = defaultdict(list)
    for one in sample:
        by[one.row["source"]] += [abs(value) for value in one.logs(host).values()]
    return sum(sum(errors) / len(errors) for errors in by.values())


def left_out(sample: Sequence[Asked]) -> list[tuple[Asked, dict[str, float]]]:
    """Each row with its errors by a fit that did not see its source."""
    found = []
    for source in dict.fromkeys(one.row["source"] for one in sample):
        host = fit([one for one in sample if one.row["source"] != source])
        found += [(one, one.logs(host)) for one in sample if one.row["source"] == source]
    return found


def _ends(logs: Iterable[float], widened: float = 1.0, tail: float = TAIL) -> list[float]:
    """Factors of a prediction between which the truth lies."""
    ranked = sorted(-value for value in logs)
    cut = int(len(ranked) * tail)
    return [round(exp(widened * min(0.0, ranked[cut])), 3), round(exp(widened * max(0.0, ranked[-1 - cut])), 3)]


def _widened(pairs: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """By what ranges are widened, so that they hold `HELD` of the rows of what they were not made from."""
    for factor in WIDER:
        held = _held(pairs, factor)
        if held >= HELD:
            break
    return factor, held


def _held(pairs: Sequence[tuple[str, float]], widened: float) -> float:
    """Share of the rows that lie in the range which the rows of all others make."""
    held = 0
    for name in dict.fromkeys(name for name, _ in pairs):
        low, high = _ends((value for other, value in pairs if other != name), widened)
        held += sum(low <= exp(-value) <= high for other, value in pairs if other == name)
    return round(held / len(pairs), 3)


def _accuracy(logs: Sequence[float]) -> dict[str, Any]:
    errors = sorted(abs(exp(value) - 1) for value in logs)
    return {
        "rows": len(errors),
        "median": round(100 * median(errors), 1),
        "p90": round(100 * errors[int(0.9 * len(errors))], 1),
    }


def table() -> dict[str, Any]:
    """What the file holds."""
    sample = [one for row in rows() if not row["unusual"] and (one := asked(row))]
    host, unseen = fit(sample), left_out(sample)
    ranges: dict[str, dict[str, list[float]]] = {}
    accuracy: dict[str, Any] = {"in_sample": {}, "source_left_out": {}, "source_left_out_datacentre": {}, "held": {}}
    for name in FIGURES:
        pairs = [(one, logs[name]) for one, logs in unseen if name in logs]
        every = [value for _, value in pairs]
        widened, held = _widened([(one.row["model"], value) for one, value in pairs])
        for group in ("datacentre", "other"):
            own = [value for one, value in pairs if one.group == group]
            ranges.setdefault(group, {})[name] = _ends(own if len(own) >= ENOUGH else every, widened)
        ranges.setdefault("unmeasured", {})[name] = _ends(every, widened, 0.0)
        by_source = _held([(one.row["source"], value) for one, value in pairs], widened)
        accuracy["held"][name] = {"widened_by": widened, "model_left_out": held, "source_left_out": by_source}
        accuracy["in_sample"][name] = _accuracy([logs[name] for one in sample if name in (logs := one.logs(host))])
        accuracy["source_left_out"][name] = _accuracy(every)
        central = [value for one, value in pairs if one.group == "datacentre"]
        accuracy["source_left_out_datacentre"][name] = _accuracy(central)
    times = {f"{name}_us": round(getattr(host, name) / MICRO, 1) for name in Host._fields}
    runtimes = sorted({one.row["engine"] for one in sample})
    head = {"version": 1, "rows": len(sample), "runtimes": runtimes}
    return {**head, "host": times, "ranges": ranges, "accuracy": accuracy}


def main() -> int:
    """Exit status 1 where ``--check`` finds another file."""
    text = HEAD + yaml.safe_dump(table(), sort_keys=False, width=120, default_flow_style=None)
    if "--check" in sys.argv[1:]:
        same = DATA.read_text(encoding="utf-8") == text
        print("as it stands" if same else f"{DATA.name} is another: run python -m benchmarks.fit_load")
        return 0 if same else 1
    DATA.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
