"""``python -m tests.oracle.changes [model_type …]``: each key of each class's own Config left out or changed, alone.

For each file that the class builds, llmscale counts the same, or refuses; what it counts otherwise is printed, and the
exit status is 1. So are the heads that transformers knows of the type, and its Config as transformers saves it. What
was found is recorded by type in `tests/truth/changes.json`.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import prod
from typing import Any, NamedTuple

import transformers
from transformers.models.auto import modeling_auto

from llmscale.errors import LlmscaleError, UnsupportedModelError
from llmscale.model.families import from_config, model_types
from llmscale.model.families._harmless import named_harmless
from llmscale.model.inventory import inventory
from tests.oracle.real import real
from tests.oracle.record import TRUTH
from tests.oracle.subjects import shortened

RECORD = TRUTH / "changes.json"
#: Layers of what is built: enough for every pattern of layers.
LAYERS = 4
#: Keys whose value says what is built, not how large.
_KEPT = ("model_type", "architectures", "transformers_version", "dtype")

#: Whose class is built with every change; the others once.
_FIRST = (
    "IMAGE_TEXT_TO_TEXT",
    "SPEECH_SEQ_2_SEQ",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "MASKED_LM",
    "CAUSAL_LM",
    "IMAGE_CLASSIFICATION",
)
#: Types of which the class holds something else than the published checkpoint; see `rules.EXPLAINED`.
_EXPLAINED = ("longcat_flash",)


class Change(NamedTuple):
    """A file: what was changed, and the config."""

    name: str
    config: dict[str, Any]


def changes(model_type: str) -> Iterator[Change]:
    """The files of one model type."""
    classes = classes_of(model_type)
    base = base_of(model_type, classes)
    yield from (Change(f"class={name}", {**base, "architectures": [name]}) for name in classes)
    for path, value in list(leaves(base)):
        yield Change(f"-{'.'.join(path)}", _with(base, path, _GONE))
        for other in others(value):
            yield Change(f"{'.'.join(path)}={json.dumps(other)}", _with(base, path, other))


def verdict(change: Change) -> str:
    """What becomes of a file.

    ``same``, ``differs``, ``refused`` (it cannot be counted), ``lacks`` what must stand in a file, ``contradicts``
    itself (heads that do not divide what they share: the class builds it, but cannot run it); or ``unbuilt``, where the
    class refuses it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = real(change.config)
    except Exception:
        return "unbuilt"
    if found is None:
        return "unbuilt"
    theirs = sum(map(prod, found.stored.values()))
    try:
        ours = inventory(from_config(change.config, "a file")).total()
    except LlmscaleError as error:
        kind = "refused" if isinstance(error, UnsupportedModelError) else "contradicts"
        return f"{'lacks' if ' lacks ' in str(error) else kind}: {error}"
    return "same" if ours == theirs else f"differs: {ours:,} here, {theirs:,} there"


def main(names: list[str]) -> int:
    """Print what differs, and record the counts."""
    transformers.logging.set_verbosity_error()
    types: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))["types"] if RECORD.exists() else {}
    wrong = 0
    for model_type in names or [name for name in model_types() if compared(name)]:
        counts: Counter[str] = Counter()
        for change in changes(model_type):
            said = verdict(change)
            counts[said.partition(":")[0]] += 1
            if said.startswith(("differs", "refused")):
                print(f"{model_type} {change.name}: {said[:200]}", flush=True)
        wrong += counts["differs"]
        types[model_type] = dict(sorted(counts.items()))
        _record(types)  # a run that is broken off has recorded what it asked
    total: Counter[str] = Counter()
    for row in types.values():
        total.update(row)
    print(dict(total))
    return int(bool(wrong))


def _record(types: dict[str, Any]) -> None:
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types))
    RECORD.write_text(f'{{"transformers": "{transformers.__version__}", "types": {{\n{rows}\n}}}}\n', encoding="utf-8")


def compared(model_type: str) -> bool:
    return model_type in transformers.CONFIG_MAPPING and model_type not in _EXPLAINED


_GONE = object()


def _own(model_type: str) -> dict[str, Any]:
    """The class's own Config as a file has it, of few layers."""
    settings = transformers.CONFIG_MAPPING[model_type]()
    return shortened(_saved(settings), LAYERS)


def _saved(settings: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(settings.to_json_string(use_diff=False), object_hook=_number)
    return config


def _number(found: dict[str, Any]) -> Any:
    """A number that JSON has no word for, as transformers writes it."""
    return float(found["__float__"]) if found.keys() == {"__float__"} else found


def base_of(model_type: str, classes: Sequence[str]) -> dict[str, Any]:
    """The Config of the first class that builds its own, in full depth where few layers do not fit the rest of it."""
    short = _own(model_type)
    whole = _saved(transformers.CONFIG_MAPPING[model_type]())
    for name in classes:
        each = [{**config, "architectures": [name]} for config in (short, whole)]
        said = {verdict(Change("", config)).partition(":")[0]: config for config in reversed(each)}
        if said.keys() != {"unbuilt"}:
            return said.get("same") or next(config for what, config in said.items() if what != "unbuilt")
    return {**short, "architectures": list(classes[:1])}


def classes_of(model_type: str) -> list[str]:
    """The classes that transformers has for the type, that of the whole model first."""
    found: dict[str, None] = {}
    tables = sorted(n for n in dir(modeling_auto) if n.endswith("_MAPPING_NAMES") and n.startswith("MODEL_"))
    for table in (*(f"MODEL_FOR_{task}_MAPPING_NAMES" for task in _FIRST), *tables, "MODEL_MAPPING_NAMES"):
        name = getattr(modeling_auto, table).get(model_type)
        for one in [name] if isinstance(name, str) else name or ():
            found[one] = None
    return list(found)


def leaves(config: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in config.items():
        if key in _KEPT or named_harmless(key):
            continue
        yield (*path, key), value
        if isinstance(value, dict) and "model_type" in value:
            yield from leaves(value, (*path, key))


def others(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value * 2, max(1, value // 2), None)
    elif value is None:
        yield from (2, True)
    elif isinstance(value, str | list):
        yield None


def without(config: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    return _with(config, path, _GONE)


def _with(config: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = deepcopy(config)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is _GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
