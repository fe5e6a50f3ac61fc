"""Configs to build a class from, whose numbers vary apart from each other, and what the class holds under each."""

from __future__ import annotations

import ast
import random
import re
import typing
import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import MISSING
from typing import Any, NamedTuple

import torch
import transformers

from llmscale.model.families._harmless import HARMLESS
from tests.oracle.probe.trace import MET, Decimal, Sizes, Whole, listen, told
from tests.oracle.rules import COUNTED_BUFFERS

SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)
PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
#: What most numbers that others must divide are a multiple of.
STEP = 24
LAYERS = re.compile(r"layers|depth$|num_\w*blocks|n_layer$|num_stages")
TOKEN = re.compile(r".*token_(id|index)|.*_(start|end)_id")
_BASE = set(transformers.PreTrainedConfig().to_dict()) - {"tie_word_embeddings"}
#: Keys that no shape goes by, and that a class may refuse to have changed.
_LEFT = re.compile(
    r"rope_parameters|model_type|architectures|transformers_version|dtype|.*dropout.*|.*_pdrop"
    r"|.*_eps|.*epsilon|.*theta|.*_(std|range|coef|prob)|.*drop_path_rate|.*layerdrop|use_cache"
)
#: A key that a Config does not name as one of its own.
ABSENT = object()


class Sample(NamedTuple):
    """A config that was built.

    Attributes:
        given: what a file says, or the class assumes where it says nothing, by path.
        tensors: name to shape, each storage once.
        made: name to what the sizes were made of, where that was seen.
        settled: what the Config made of keys that were left open, or made otherwise than was said; of what.
    """

    given: dict[str, Any]
    tensors: dict[str, tuple[int, ...]]
    made: dict[str, tuple[Any, ...]]
    settled: dict[str, tuple[Any, Any]]


class Key(NamedTuple):
    """A key of a Config: what its class assumes, what it comes to, and of which kind it says it is."""

    default: Any
    settled: Any
    kind: str
    unasked: bool = False


class Probe:
    """One class under many configs."""

    def __init__(self, model_type: str, class_name: str, seed: int = 0) -> None:
        self.settings = transformers.CONFIG_MAPPING[model_type]
        self.model = getattr(transformers, class_name)
        self.random = random.Random(f"{class_name} {seed}")
        self.base = _openings(self.settings())
        self.keys = dict(_keys(self.settings()))
        self.thresholds: dict[str, set[int]] = {}
        self.floor: dict[str, Any] = {}
        self.small = self._shallow()
        self.state: dict[str, Any] = dict(self.small)

    def build(self, given: dict[str, Any]) -> Sample | None:
        """The sample of what a file says; None where the class refuses it."""
        config = deepcopy(self.base)
        for path, value in given.items():
            if path != "num_labels" and not (value is None and self.keys[path].unasked):
                _put(config, path, _traced(path, value))
        for path, key in self.keys.items():
            if path not in given and key.default is not ABSENT and key.default is not None:
                _put(config, path, _traced(path, key.default))
        labels = given.get("num_labels", 2)
        config["id2label"] = {number: str(number) for number in range(labels)}
        config["label2id"] = {str(number): number for number in range(labels)}
        sizes = Sizes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                settings = self.settings.from_dict(config)
                with torch.device("meta"), sizes:
                    model = self.model(settings)
                model.tie_weights()
        except Exception:
            return None
        assumed = {path: key.default for path, key in self.keys.items() if key.default is not ABSENT}
        tensors, made = held(model, sizes)
        said = {**assumed, "num_labels": 2, **given}
        return Sample(said, tensors, made, dict(_settled(settings, said)))

    def start(self) -> bool:
        """Whether the class builds its own Config, of few layers; learns what it compares numbers with."""
        MET.clear()
        if self.build({}) is None:
            # The whole's Config may build its parts otherwise than their own classes assume.
            self.floor = {
                path: key.settled
                for path, key in self.keys.items()
                if key.default is not ABSENT and key.settled is not None and key.settled != key.default
            }
            if self.build(self.floor) is None:
                return False
        listen()
        self.small = {**self.floor, **self.small}
        if self.build(self.small) is None:
            self.small = dict(self.floor)
        self.state = dict(self.small)
        for _, left, right in MET:
            for one, other in ((left, right), (right, left)):
                if one[:1] == "'" and re.fullmatch(r"\d{1,6}", other):
                    self.thresholds.setdefault(ast.literal_eval(one), set()).add(int(other))
        return True

    def draw(self, count: int) -> Iterator[Sample]:
        """So many configs that the class builds, each some steps from the one before."""
        failed = number = 0
        while number < count and failed < 200 + 8 * count:
            if number % 40 == 39:
                self.state = dict(self.small)
            trial = self._changed(self.random.choice((1, 2, 3, 5, 8, 13)))
            if (sample := self.build(trial)) is None:
                failed += 1
                continue
            self.state = trial
            number += 1
            yield sample

    def full(self, count: int) -> Iterator[Sample]:
        """The class's own Config in full depth, and so many others near to it."""
        first = self.build(self.floor)
        if first is not None:
            yield first
        self.state = dict(self.floor)
        deep = [path for path in self.keys if self._is_depth(path)]
        for number in range(count * 3):
            trial = self._changed(self.random.choice((1, 2, 4)), shallow=False)
            for path in deep:
                trial.pop(path, None)
                base = self.keys[path].settled
                if number % 2 and isinstance(base, int):
                    trial[path] = max(1, base + self.random.choice((-7, -3, -1, 1, 2, 3, 5, 8)))
            if (sample := self.build(trial)) is not None:
                count -= 1
                yield sample
            if not count:
                return

    def _is_depth(self, path: str) -> bool:
        name = path.rpartition(".")[2]
        return bool(LAYERS.search(name)) and type(self.keys[path].settled) is int

    def _shallow(self) -> dict[str, Any]:
        """Few layers, lists of one entry a layer cut with them."""
        given: dict[str, Any] = {}
        for path, key in self.keys.items():
            if self._is_depth(path) and key.settled > 4:
                given[path] = 3
            if TOKEN.fullmatch(path.rpartition(".")[2]) and type(key.settled) is int and key.settled > 3:
                given[path] = 3
        for path, key in self.keys.items():
            if isinstance(key.default, list) and (layers := self._layers_of(path)) and layers in given:
                given[path] = key.default[: given[layers]]
        return given

    def _layers_of(self, path: str) -> str | None:
        """The key that says how many entries a list has: of its own part, where the class's own are as many."""
        above = path.rpartition(".")[0]
        length = len(self.keys[path].settled) if isinstance(self.keys[path].settled, list) else -1
        for other, key in self.keys.items():
            if other.rpartition(".")[0] == above and self._is_depth(other) and key.settled == length > 2:
                return other
        return None

    def _now(self, path: str) -> Any:
        key = self.keys[path]
        value = self.state.get(path, key.default)
        return key.settled if value is None or value is ABSENT else value

    def _changed(self, count: int, shallow: bool = True) -> dict[str, Any]:
        trial = dict(self.state)
        names = [path for path, key in self.keys.items() if key.default is not ABSENT]
        if not names:
            return trial
        trial["num_labels"] = self.random.choice((2, 3, 5, 9, 10, 11, 19, 40))
        for path in self.random.sample(names, min(count, len(names))):
            now = self._now(path)
            value = self._other(path, now, shallow)
            trial[path] = value
            # What is equal may have to be.
            if type(now) is int and now > 8 and self.random.random() < 0.4:
                for other in names:
                    if other != path and type(self._now(other)) is int and self._now(other) == now:
                        trial[other] = value
        for path in names:
            if isinstance(trial.get(path, self.keys[path].default), list) and (layers := self._layers_of(path)):
                length = trial.get(layers, self.keys[layers].settled)
                listed = trial.get(path, self.keys[path].default)
                if isinstance(length, int) and len(listed) != length:
                    trial[path] = self._entries(path, length)
        return trial

    def _entries(self, path: str, length: int) -> list[Any]:
        settled = self.keys[path].settled
        kinds = list({repr(one): one for one in settled}.values())
        return [self.random.choice(kinds) for _ in range(length)] if kinds else []

    def _other(self, path: str, now: Any, shallow: bool) -> Any:
        pick, key = self.random, self.keys[path]
        name = path.rpartition(".")[2]
        if key.default is None and pick.random() < 0.3:
            return None
        if "None" in key.kind and pick.random() < 0.1:
            return None
        if TOKEN.fullmatch(name):
            return pick.choice((0, 1, 2, 3)) if now is not None else None
        if words := _literals(key.kind):
            return pick.choice(words)
        if isinstance(now, bool) or (now is None and "bool" in key.kind):
            return not now
        if isinstance(now, float) or (now is None and "float" in key.kind and "int" not in key.kind):
            named = re.search(r"ratio|factor|expan|mult|scale", name)
            return float(pick.choice((1, 2, 3, 4, 0.5))) if named or now is None else now * pick.choice((0.5, 1, 2))
        if isinstance(now, int) or (now is None and "int" in key.kind and "list" not in key.kind):
            return self._number(path, name, now, shallow)
        if isinstance(now, list) and now:
            return self._list(path, now)
        return now

    def _number(self, path: str, name: str, now: Any, shallow: bool) -> int:
        pick = self.random
        if LAYERS.search(name) and shallow:
            return pick.choice((1, 2, 3, 4, 5, 6, 8))
        if path in self.thresholds and pick.random() < 0.2:
            return max(0, pick.choice(sorted(self.thresholds[path])) + pick.choice((-1, 0, 1)))
        if now is not None and pick.random() < 0.25:
            return max(1, pick.choice((now // 2, now * 2, now * 3, now + 1, now - 1)))
        if now is None or abs(now) <= 16:
            return pick.choice(SMALL) if now != 0 or pick.random() < 0.5 else 0
        if pick.random() < 0.15:
            return pick.randrange(3, 400)
        return STEP * pick.choice(PRIMES) * pick.choice((1, 1, 2))

    def _list(self, path: str, now: list[Any]) -> Any:
        pick = self.random
        if self._layers_of(path):
            return self._entries(path, len(now))
        if all(type(v) is int for v in now):
            large = max(now) > 16
            return [STEP * pick.choice(PRIMES) if large else pick.choice(SMALL[:6]) for _ in now]
        if all(type(v) is bool for v in now):
            return [pick.random() < 0.5 for _ in now]
        return now


def _settled(settings: Any, said: dict[str, Any], path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Keys that were left open, or that are not what was said."""
    for name in settings.sub_configs:
        part = getattr(settings, name, None)
        if isinstance(part, transformers.PreTrainedConfig):
            yield from _settled(part, said, f"{path}{name}.")
    for name, value in vars(settings).items():
        if path + name in said:
            listed = list(value) if isinstance(value, (list, tuple)) else value
            plain = isinstance(listed, (bool, int, float, str, list))
            if plain and not (type(said[path + name]) is not bool and said[path + name] == listed):
                if isinstance(listed, bool) and said[path + name] is listed:
                    continue
                made = [told(one) for one in listed] if isinstance(listed, list) else told(listed)
                yield path + name, (_bare(listed), made)


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)


def _literals(kind: str) -> list[str]:
    found = re.search(r"Literal\[(.*?)\]", kind)
    return re.findall(r"'([^']*)'", found[1]) if found else []


def _traced(path: str, value: Any) -> Any:
    if type(value) is int:
        return Whole(value, path)
    if type(value) is float:
        return Decimal(value, path)
    if isinstance(value, list):
        return [_traced(f"{path}[{place}]", one) for place, one in enumerate(value)]
    return deepcopy(value)


def _openings(settings: Any) -> dict[str, Any]:
    """The config without its keys: the objects nested in it, each with its model type."""
    found: dict[str, Any] = {"model_type": settings.model_type}
    for name in settings.sub_configs:
        part = getattr(settings, name, None)
        if isinstance(part, transformers.PreTrainedConfig):
            found[name] = _openings(part)
    return found


def _keys(settings: Any, path: str = "") -> Iterator[tuple[str, Key]]:
    """Keys by path; nested configs are opened, other objects are not."""
    fields = getattr(type(settings), "__dataclass_fields__", {})
    parts = [
        name
        for name in settings.sub_configs
        if isinstance(getattr(settings, name, None), transformers.PreTrainedConfig)
    ]
    for name, value in settings.to_dict().items():
        if name in parts:
            yield from _keys(getattr(settings, name), f"{path}{name}.")
        if name in parts or name in _BASE or _LEFT.fullmatch(name):
            continue
        if isinstance(value, dict) or (isinstance(value, str) and HARMLESS.fullmatch(name)):
            continue
        if HARMLESS.fullmatch(name) and not TOKEN.fullmatch(name) and not isinstance(value, (int, bool)):
            continue
        value = list(value) if isinstance(value, tuple) else value
        default: Any = ABSENT
        kind = ""
        if (field := fields.get(name)) is not None:
            default = field.default_factory() if callable(field.default_factory) else field.default
            default = ABSENT if default is MISSING else list(default) if isinstance(default, tuple) else default
            kind = field.type if isinstance(field.type, str) else _spelled(field.type)
        if default is ABSENT and type(value) is int and not TOKEN.fullmatch(name):
            # What a Config makes without asking; a file may say it all the same.
            yield path + name, Key(None, value, "int", True)
            continue
        if isinstance(default, (bool, int, float, str, list, type(None))) or default is ABSENT:
            yield path + name, Key(default, value, kind)


def _spelled(annotation: Any) -> str:
    if args := typing.get_args(annotation):
        inner = ", ".join(_spelled(arg) for arg in args)
        return f"{typing.get_origin(annotation)}[{inner}]".replace("typing.Literal", "Literal")
    return repr(annotation) if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _put(config: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for key in above:
        config = config[key]
    config[last] = value


def varied(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """By path, what was tried of it: a few values."""
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        for path, value in sample.given.items():
            found.setdefault(path, {})[repr(value)] = value
    return {path: list(values.values()) for path, values in found.items()}


def held(model: torch.nn.Module, sizes: Sizes) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[Any, ...]]]:
    """Every stored tensor of a model, and the buffers that checkpoints hold; what their sizes were made of."""
    found: dict[str, tuple[int, ...]] = {}
    made: dict[str, tuple[Any, ...]] = {}
    seen: set[int] = set()
    every = list(model.named_parameters(remove_duplicate=False))
    every += [(n, b) for n, b in model.named_buffers() if any(re.search(p, n) for p in COUNTED_BUFFERS)]
    for name, tensor in every:
        if id(tensor) not in seen:
            found[name] = tuple(tensor.shape)
            if (origin := sizes.of(tensor)) is not None:
                made[name] = origin
        seen.add(id(tensor))
    return found, made
