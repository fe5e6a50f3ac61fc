"""``python -m tests.oracle.pairs [model_type …]``: random changes of one, two or three keys of each class's own Config.

`changes` asks each key alone; here keys change together, parts say only some of theirs, lists lose an entry or have
others. For each file that the class builds llmscale counts the same, or refuses: what it counts otherwise is printed,
and the exit status is 1. What was found is recorded by type in `tests/truth/pairs.json`; the same names and seed give
the same files.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import transformers

from llmscale.model.families import model_types
from tests.oracle.changes import Change, base_of, classes_of, compared, leaves, others, verdict, without
from tests.oracle.record import TRUTH

RECORD = TRUTH / "pairs.json"
#: Files of each type that its class builds; files that are tried for them.
BUILT, TRIED = 6, 30
SEED = 28


def pairs(model_type: str, seed: int = SEED) -> Iterator[Change]:
    """Files of one model type, without end."""
    pick = random.Random(f"{model_type} {seed}")
    classes = classes_of(model_type)
    base = base_of(model_type, classes)
    paths = list(leaves(base))
    while paths:
        config, said = deepcopy(base), []
        if classes and pick.random() < 0.3:
            config["architectures"] = [pick.choice(classes)]
            said.append(config["architectures"][0])
        for path, value in pick.sample(paths, min(len(paths), pick.choice((1, 2, 2, 2, 3)))):
            if not _there(config, path):
                continue
            change = _change(pick, value)
            config = without(config, path) if change is _GONE else _put(config, path, change)
            said.append(f"-{'.'.join(path)}" if change is _GONE else f"{'.'.join(path)}={json.dumps(change)[:60]}")
        yield Change(", ".join(said), config)


_GONE = object()


def _change(pick: random.Random, value: Any) -> Any:
    """Another value, or none, or of an object some of its keys."""
    if pick.random() < 0.25:
        return _GONE
    if isinstance(value, dict) and value:
        return {key: one for key, one in value.items() if key == "model_type" or pick.random() < 0.5}
    if isinstance(value, list) and value:
        return pick.choice((value[:-1], [*value, value[-1]], [*value[:-1], value[0]], None))
    if type(value) is int and pick.random() < 0.5:
        return pick.choice((value * 3, max(1, value // 4), value + 8))
    rest = list(others(value))
    return pick.choice(rest) if rest else _GONE


def _there(config: dict[str, Any], path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(config, dict) or key not in config:
            return False
        config = config[key]
    return True


def _put(config: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return config


def asked(model_type: str, seed: int = SEED) -> Iterator[tuple[Change, str]]:
    """Files that the class builds, with what becomes of them."""
    built = 0
    for tried, change in enumerate(pairs(model_type, seed)):
        if tried >= TRIED or built >= BUILT:
            return
        said = verdict(change)
        built += said != "unbuilt"
        yield change, said


def main(names: list[str]) -> int:
    """Print what differs or is refused, and record the counts."""
    transformers.logging.set_verbosity_error()
    seed = int(names.pop(0)) if names and names[0].isdigit() else SEED
    types: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))["types"] if RECORD.exists() else {}
    wrong = 0
    for model_type in names or [name for name in model_types() if compared(name)]:
        counts: Counter[str] = Counter()
        for change, said in asked(model_type, seed):
            counts[said.partition(":")[0]] += 1
            if said.startswith(("differs", "refused")):
                print(f"{model_type} {change.name}: {said[:200]}", flush=True)
        wrong += counts["differs"]
        types[model_type] = dict(sorted(counts.items()))
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types))
        head = f'"transformers": "{transformers.__version__}", "seed": {seed}'
        RECORD.write_text(f'{{{head}, "types": {{\n{rows}\n}}}}\n', encoding="utf-8")
    total: Counter[str] = Counter()
    for row in types.values():
        total.update(row)
    print(dict(total))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
