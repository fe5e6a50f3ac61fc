"""``python -m tests.oracle.probe [model_type …]``: derive these types, prove them, and write `data/probed/`.

A class is kept when 200 configs that it was not derived from, some of full depth, and each key changed alone, give its
every tensor exactly; of the others a line says what failed. What is recorded of a class is derived anew only where new
configs contradict it.
Without names: every type of transformers that no family reads.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from typing import Any

import transformers

from llmscale.errors import UnsupportedModelError
from llmscale.model.derived import by_tensors
from llmscale.model.families import from_config, model_types
from llmscale.model.families._expression import evaluate
from tests.oracle.changes import _own, classes_of
from tests.oracle.probe.derive import Group, derive
from tests.oracle.probe.names import UnexplainedError
from tests.oracle.probe.recorded import TARGET, recorded, tried
from tests.oracle.probe.rows import LETTERS
from tests.oracle.probe.samples import Probe, Sample
from tests.oracle.probe.settle import Rule, filled, settle
from tests.oracle.probe.written import Found, written

#: Configs that a class is derived from at first, and that prove it; of full depth; times that it may be derived anew.
LEARNT, PROVEN, FULL, ROUNDS = 70, 200, 6, 9
#: Of those that prove it so many are asked before it is derived anew.
AT_ONCE = 40
#: Seconds of the processor for one class; a type has twice as many. ``--seconds 300`` gives others.
CLASS = 60


def tensors(groups: list[Group], given: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor that the groups say there is."""
    for group in groups:
        places: list[dict[str, int]] = [{}]
        for letter, loop in zip(LETTERS, group.loops, strict=False):
            places = [{**at, letter: n} for at in places for n in range(evaluate(loop, given, at))]
        for at in places:
            if evaluate(group.when, given, at):
                shape = tuple(evaluate(size, given, at) for size in group.shape)
                yield group.name.format(*at.values()), shape


def agrees(found: Found, sample: Sample) -> bool:
    """Whether the groups give what the class holds."""
    try:
        return dict(tensors(found.groups, filled(sample.given, found.rules))) == sample.tensors
    except (LookupError, TypeError, ArithmeticError):
        return False


def probed(probe: Probe, before: tuple[list[Group], list[Rule]] | None) -> Found:
    """What was found of a class: what was `before` where that stands.

    Raises:
        UnexplainedError: what was not explained, or came out otherwise.
    """
    if not probe.start():
        raise UnexplainedError("the class does not build its own Config")
    full = list(probe.full(FULL))
    probe.state = dict(probe.small)
    if not full:
        raise UnexplainedError("the class does not build its own Config in full depth")
    learnt: list[Sample] = []
    full += probe.alone()
    if before is not None:
        found = Found(*before, full, kept=True)
        wrong = [sample for sample in full if not agrees(found, sample)]
        learnt = [] if wrong else _some(probe, PROVEN)
        if not wrong and all(agrees(found, sample) for sample in learnt):
            return found._replace(samples=[*learnt, *full])
    return _derived(probe, learnt or _some(probe, LEARNT), full)


def _some(probe: Probe, count: int) -> list[Sample]:
    found = list(probe.draw(count))
    if len(found) < count:
        raise UnexplainedError(f"the class refuses nearly all configs: {len(found)} of {count}")
    return found


def _derived(probe: Probe, learnt: list[Sample], full: list[Sample]) -> Found:
    for number in range(ROUNDS):
        rules = settle(learnt)
        try:
            groups = derive([sample._replace(given=filled(sample.given, rules)) for sample in learnt])
        except UnexplainedError:
            if number > 2:
                raise
            learnt += probe.draw(LEARNT)  # what is rare was perhaps seen once
            continue
        found = Found(groups, rules, learnt)
        deep = [sample for sample in full if not agrees(found, sample)]
        proof: list[Sample] = []
        wrong: list[Sample] = []
        while len(proof) < PROVEN and not wrong and not (deep and proof):
            proof += _some(probe, AT_ONCE)
            wrong = [sample for sample in proof[-AT_ONCE:] if not agrees(found, sample)]
        if not wrong and not deep:
            return found._replace(samples=[*learnt, *proof, *full])
        learnt += [*wrong[:40], *deep[:12]]
        if deep:
            full = [*full, *probe.full(2)]
            probe.state = dict(probe.small)
    raise UnexplainedError(f"proof: {_first_wrong(found, (wrong or deep)[0])}")


def _first_wrong(found: Found, sample: Sample) -> Any:
    try:
        ours = dict(tensors(found.groups, filled(sample.given, found.rules)))
    except (LookupError, TypeError, ArithmeticError) as error:
        return repr(error)
    return sorted(ours.items() ^ sample.tensors.items())[:2]


class _Late(BaseException):
    pass


def _late(*_: Any) -> None:
    raise _Late


def refused(model_type: str, class_name: str) -> bool:
    """Whether the family of the type does not read the class."""
    try:
        from_config({**_own(model_type), "architectures": [class_name]}, class_name)
    except UnsupportedModelError:
        return True
    return False


def main(names: list[str]) -> int:
    """Write what is proven; print what is not."""
    transformers.logging.set_verbosity_error()
    signal.signal(signal.SIGPROF, _late)
    seconds = float(CLASS)
    if names[:1] == ["--seconds"]:
        seconds, names = float(names[1]), names[2:]
    wanted: tuple[str, ...] = ("",)
    if names[:1] == ["--heads"]:
        wanted, names = tuple(names[1].split(",")), names[2:]
    for model_type in names or [name for name in transformers.CONFIG_MAPPING if name not in model_types()]:
        signal.setitimer(signal.ITIMER_PROF, 0)
        found: dict[str, Found] = {}
        probe = None
        left = 2 * seconds
        heads = model_type in model_types() and not by_tensors(model_type)
        classes = [name for name in classes_of(model_type) if name.endswith(wanted)]
        for class_name in [name for name in classes if not heads or refused(model_type, name)]:
            if left < 5:
                break
            try:
                signal.setitimer(signal.ITIMER_PROF, min(seconds, left))
                probe = Probe(model_type, class_name)
                found[class_name] = probed(probe, recorded(model_type, class_name))
            except UnexplainedError as failure:
                print(f"- {model_type} {class_name}: {str(failure)[:200]}", flush=True)
            except _Late:
                print(f"- {model_type} {class_name}: too slow", flush=True)
            except Exception as error:
                print(f"- {model_type} {class_name}: {error!r:.200}", flush=True)
            finally:
                left -= min(seconds, left) - signal.setitimer(signal.ITIMER_PROF, 0)[0]
        if found and probe is not None:
            text = json.dumps(written(probe, found, tried(model_type)), separators=(",", ":"))
            (TARGET / f"{model_type}.json").write_text(text + "\n", encoding="utf-8")
            print(f"+ {model_type} {len(text)}: {', '.join(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
