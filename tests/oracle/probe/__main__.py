"""``python -m tests.oracle.probe [model_type …]``: derive these types, prove them, and write `data/probed/`.

A class is kept when 200 configs that it was not derived from give its every tensor exactly; of the others a line says
what failed. Without names: every type of transformers that no family reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import transformers

from llmscale.model.families import model_types
from llmscale.model.families._expression import UnknownKeyError, evaluate
from tests.oracle.changes import _classes
from tests.oracle.probe.derive import Group, UnexplainedError, derive
from tests.oracle.probe.samples import Probe, Sample

TARGET = Path(__file__).parents[3] / "data" / "probed"
#: Configs that a class is derived from, and as many again that prove it.
LEARNT, PROVEN = 80, 200
#: Shares of the keys that are changed; the next where the class builds too few.
SHARES = (0.6, 0.4, 0.2, 0.1)


def draw(probe: Probe, count: int) -> list[Sample]:
    """So many configs that the class builds.

    Raises:
        UnexplainedError: it refuses nearly all.
    """
    for share in SHARES:
        found: list[Sample] = []
        for tried in range(count * 6):
            if (sample := probe.build(probe.draw(share))) is not None:
                found.append(sample)
            if len(found) == count:
                return found
            if tried == 30 and len(found) < 8:
                break
    raise UnexplainedError("the class refuses nearly all configs")


def tensors(groups: list[Group], settled: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor that the groups say there is."""
    for group in groups:
        places: list[dict[str, int]] = [{}]
        for letter, loop in zip("ij", group.loops, strict=False):
            places = [{**at, letter: n} for at in places for n in range(evaluate(loop, settled, at))]
        for at in places:
            if evaluate(group.when, settled, at):
                shape = tuple(evaluate(size, settled, at) for size in group.shape)
                yield group.name.format(*at.values()), shape


def probed(model_type: str, class_name: str) -> list[Group]:
    """The groups of a class, proven.

    Raises:
        UnexplainedError: what was not explained, or came out otherwise.
    """
    probe = Probe(model_type, class_name)
    groups = derive(draw(probe, LEARNT))
    for sample in draw(probe, PROVEN):
        try:
            ours = dict(tensors(groups, sample.settled))
        except UnknownKeyError as unknown:
            raise UnexplainedError(f"needs {unknown} where it is not said") from None
        if ours != sample.tensors:
            wrong = sorted(ours.items() ^ sample.tensors.items())[:2]
            raise UnexplainedError(f"proof: {wrong}")
    return groups


def main(names: list[str]) -> int:
    """Write what is proven; print what is not."""
    transformers.logging.set_verbosity_error()
    done = 0
    for model_type in names or [name for name in transformers.CONFIG_MAPPING if name not in model_types()]:
        classes: dict[str, Any] = {}
        for class_name in _classes(model_type):
            try:
                classes[class_name] = [list(group) for group in probed(model_type, class_name)]
            except UnexplainedError as failure:
                print(f"{model_type} {class_name}: {str(failure)[:160]}", flush=True)
            except Exception as error:
                print(f"{model_type} {class_name}: {error!r:.160}", flush=True)
        if classes:
            done += 1
            probe = Probe(model_type, next(iter(classes)))
            keys = {path: None if path in probe.settled_later else value for path, value in probe.keys.items()}
            entry = {"version": transformers.__version__, "keys": keys, "classes": classes}
            text = json.dumps(entry, separators=(",", ":"))
            (TARGET / f"{model_type}.json").write_text(text + "\n", encoding="utf-8")
            print(f"{model_type}: {', '.join(classes)}", flush=True)
    print(f"{done} model types")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
