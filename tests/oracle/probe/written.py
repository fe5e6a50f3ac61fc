"""What was found of a model type as `data/probed/` has it: groups once, though several classes hold them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import transformers

from llmscale.model.families._harmless import named_harmless
from tests.oracle.probe.config_keys import ABSENT, optional_of
from tests.oracle.probe.derive import Group
from tests.oracle.probe.samples import Probe, Sample, varied
from tests.oracle.probe.settle import Rule

#: Keys that say which stages a backbone gives out; of any depth where no tensor goes by them.
STAGES = re.compile(r"(^|\.)(stage_names|out_features|out_indices)$")


class Found(NamedTuple):
    """Of a class: its tensors, what its Config makes of keys, the configs that were built.

    Attributes:
        kept: whether it is what was recorded before, and so holds of what was tried then as well.
    """

    groups: list[Group]
    rules: list[Rule]
    samples: list[Sample]
    kept: bool = False


def written(probe: Probe, found: Mapping[str, Found], before: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The content of a file; see `llmscale.model.families._schema.Probed`."""
    groups: dict[str, int] = {}
    classes: dict[str, dict[str, list[int]]] = {}
    for name in sorted(
        found, key=lambda one: len(found[one].groups)
    ):  # the smallest first: others hold it below a prefix
        own = found[name].groups
        prefix = Counter(group.name.partition(".")[0] + "." for group in own).most_common(1)[0][0]
        at: dict[str, list[int]] = {}
        for group in own:
            short = group._replace(name=group.name.removeprefix(prefix))
            inside = group.name.startswith(prefix) and (key := json.dumps(short)) in groups
            key = json.dumps(short if inside else group)
            at.setdefault(prefix if inside else "", []).append(groups.setdefault(key, len(groups)))
        classes[name] = at
    rules = {
        name: [rule for rule in one.rules if _used(rule.path, one.groups, one.rules)] for name, one in found.items()
    }
    text = "".join(groups) + json.dumps(rules)
    every: dict[str, int] = {}
    for rule in (rule for each in rules.values() for rule in each):
        every.setdefault(json.dumps(rule), len(every))
    keys = _keys(probe, [sample for one in found.values() for sample in one.samples], text)
    if all(one.kept for one in found.values()):
        keys = {path: _joined(key, before.get(path, key)) for path, key in keys.items()}
    return {
        "version": transformers.__version__,
        "keys": keys,
        "parts": _parts(probe.base),
        "optional": list(optional_of(probe.settings, probe.base)),
        "aliases": dict(_aliases(probe.settings(), set(keys))),
        "labels": probe.settings().num_labels,
        "rules": [json.loads(rule) for rule in every],
        "groups": [json.loads(group) for group in groups],
        "classes": {name: [classes[name], [every[json.dumps(rule)] for rule in rules[name]]] for name in found},
    }


def _keys(probe: Probe, samples: Sequence[Sample], text: str) -> dict[str, list[Any]]:
    """By path: what the class assumes, and what else was tried."""
    tried = varied(samples)
    found: dict[str, list[Any]] = {}
    for path, key in probe.keys.items():
        used = re.search(rf'[" ]{re.escape(path)}["\[]', text)
        if named_harmless(path.rpartition(".")[2]) and not used:
            continue
        if key.default is ABSENT:
            found[path] = [key.settled, []]
            continue
        kinds: dict[str, None] = {}
        others = [
            value for value in tried.get(path, []) if value != key.default or type(value) is not type(key.default)
        ]
        for value in others:
            kinds[_kind(value, key.default, STAGES.search(path) is not None and not used)] = None
        found[path] = [key.default, list(kinds)]
        if "own" in kinds:
            found[path].append([key.settled])
        if "words" in kinds:
            found[path].append(sorted({word for value in others if isinstance(value, list) for word in value}))
        if "word" in kinds:
            found[path].append(sorted({value for value in others if isinstance(value, str)}))
    return found


def _joined(now: list[Any], before: list[Any]) -> list[Any]:
    """A key with what was tried of it now and before."""
    if now[0] != before[0]:
        return now
    if "own" in now[1]:
        return now
    words = sorted({word for _, _, *listed in (now, before) for word in (listed or [[]])[0]})
    return [now[0], list(dict.fromkeys([*before[1], *now[1]])), *([words] if words else [])]


def _kind(value: Any, default: Any, stages: bool = False) -> str:
    """``whole``, ``decimal``, ``switch``, ``null``, ``word``; ``list`` of so many numbers, ``lists`` of any.

    Of lists of objects, or of decimal numbers, only the class's ``own`` is tried.
    """
    if value == []:
        return "empty"
    if stages and isinstance(value, list):
        return "lists" if type(value[0]) is int else "stages"
    if isinstance(value, list):
        if all(isinstance(one, list) and all(type(n) is int for n in one) for one in value):
            return "nested"
        if any(isinstance(one, (list, dict, float)) for one in value):
            return "own"
        if any(isinstance(one, str) for one in value):
            return "words"
        return "list" if isinstance(default, list) and len(default) == len(value) else "lists"
    return {bool: "switch", int: "whole", float: "decimal", str: "word", type(None): "null"}[type(value)]


def _used(path: str, groups: Sequence[Group], rules: Sequence[Rule]) -> bool:
    return bool(re.search(rf'[" ]{re.escape(path)}["\[]', json.dumps([group[1:] for group in groups])))


def _aliases(settings: Any, known: set[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Further spellings of keys, by path."""
    for alias, name in settings.attribute_map.items():
        if path + name in known and path + alias not in known:
            yield path + alias, path + name
    for name in settings.sub_configs:
        part = getattr(settings, name, None)
        if isinstance(part, transformers.PreTrainedConfig):
            yield from _aliases(part, known, f"{path}{name}.")


def _parts(openings: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, part in openings.items():
        if isinstance(part, dict):
            found[path + name] = part["model_type"]
            found |= _parts(part, f"{path}{name}.")
    return found
