"""Configs that differ in some keys: numbers apart from each other, lists as long as what they go with."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.oracle.probe.config_keys import ABSENT, LAYERS, TOKEN, Key, words_of

SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)
PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
#: What most numbers that others must divide are a multiple of.
STEP = 24


class Variations:
    """What may be said otherwise of the keys of one Config.

    Attributes:
        thresholds: numbers that the class was seen to compare a key with, by path.
    """

    def __init__(self, keys: Mapping[str, Key], seed: str) -> None:
        self.keys = keys
        self.random = random.Random(seed)
        self.thresholds: dict[str, set[int]] = {}

    def is_depth(self, path: str) -> bool:
        name = path.rpartition(".")[2]
        return bool(LAYERS.search(name)) and type(self.keys[path].settled) is int

    def shallow(self) -> dict[str, Any]:
        """Few layers, lists of one entry a layer cut with them."""
        given: dict[str, Any] = {}
        for path, key in self.keys.items():
            if self.is_depth(path) and key.settled > 4:
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
            if other.rpartition(".")[0] == above and self.is_depth(other) and key.settled == length > 2:
                return other
        return None

    def _now(self, state: dict[str, Any], path: str) -> Any:
        key = self.keys[path]
        value = state.get(path, key.default)
        return key.settled if value is None or value is ABSENT else value

    def changed(self, state: dict[str, Any], count: int, shallow: bool = True) -> dict[str, Any]:
        trial = dict(state)
        names = [path for path, key in self.keys.items() if key.default is not ABSENT]
        if not names:
            return trial
        trial["num_labels"] = self.random.choice((2, 3, 5, 9, 10, 11, 19, 40))
        for path in self.random.sample(names, min(count, len(names))):
            now = self._now(state, path)
            value = self._other(path, now, shallow)
            trial[path] = value
            # What is equal may have to be.
            if type(now) is int and now > 8 and self.random.random() < 0.4:
                for other in names:
                    if other != path and type(self._now(state, other)) is int and self._now(state, other) == now:
                        trial[other] = value
        for path in names:
            if isinstance(trial.get(path, self.keys[path].default), list) and (layers := self._layers_of(path)):
                length = trial.get(layers, self.keys[layers].settled)
                listed = trial.get(path, self.keys[path].default)
                if isinstance(length, int) and len(listed) != length:
                    trial[path] = self._entries(path, length)
        for path in names:
            if path.endswith("stage_names"):
                self._taps(trial, path.removesuffix("stage_names"))
        return trial

    def _taps(self, trial: dict[str, Any], above: str) -> None:
        """Which stages a backbone gives out: none said, or some by name, by number, or both."""
        layers = f"{above}num_hidden_layers"
        count = self._now(trial, layers if layers in self.keys else f"{above}depths")
        stages = ["stem", *(f"stage{n}" for n in range(1, (len(count) if isinstance(count, list) else count) + 1))]
        chosen = sorted(self.random.sample(range(len(stages)), self.random.randint(1, len(stages))))
        said = {"stage_names": stages, "out_features": [stages[n] for n in chosen], "out_indices": chosen}
        for name, value in said.items():
            if above + name in self.keys:
                trial[above + name] = value if self.random.random() < 0.5 else None

    def alone(self, state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The state with one key said otherwise, each of them once for every way."""
        for path, key in self.keys.items():
            now = self._now(dict(state), path)
            if key.default is ABSENT or TOKEN.fullmatch(path.rpartition(".")[2]):
                continue
            others: list[Any] = [None] if "None" in key.kind or key.default is None else []
            if isinstance(now, bool):
                others.append(not now)
            elif isinstance(now, int):
                others += [now + 1, now * 2, max(1, now // 2)]
            others += words_of(key.kind)
            for value in others:
                if value != now:
                    yield {**state, path: value}

    def _entries(self, path: str, length: int) -> list[Any]:
        settled = self.keys[path].settled
        if settled == list(range(len(settled))):  # whose of each layer it takes: its own, or what an earlier one has
            own = [number for number in range(length) if not number or self.random.random() < 0.7]
            return [n if n in own else self.random.choice([o for o in own if o < n]) for n in range(length)]
        kinds = list({repr(one): one for one in settled}.values())
        return [self.random.choice(kinds) for _ in range(length)] if kinds else []

    def _other(self, path: str, now: Any, shallow: bool) -> Any:
        pick, key = self.random, self.keys[path]
        name = path.rpartition(".")[2]
        if key.settled is not key.default and pick.random() < 0.15:
            return deepcopy(key.settled)  # as transformers saves it
        if key.default is None and pick.random() < 0.3:
            return None
        if "None" in key.kind and pick.random() < 0.1:
            return None
        if TOKEN.fullmatch(name):
            return pick.choice((0, 1, 2, 3)) if now is not None else None
        if words := words_of(key.kind):
            return pick.choice(words)
        if isinstance(now, bool) or (now is None and "bool" in key.kind):
            return not now
        if isinstance(now, float) or (now is None and "float" in key.kind and "int" not in key.kind):
            if now == 0:
                return pick.choice((0.0, 0.05, 0.5))
            named = re.search(r"ratio|factor|expan|mult|scale", name)
            return float(pick.choice((1, 2, 3, 4, 0.5))) if named or now is None else now * pick.choice((0, 0.5, 1, 2))
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
        if all(isinstance(v, list) and all(type(n) is int for n in v) for v in now):
            chosen = [pick.choice(now) for _ in range(pick.choice(SMALL))]
            return [[max(1, n * pick.choice((1, 1, 2, 3))) for n in one] for one in chosen]
        return now
