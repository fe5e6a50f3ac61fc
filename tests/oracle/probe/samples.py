"""Configs to build a class from, whose numbers vary apart from each other, and what the class holds under each."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import transformers

from llmscale.model.families._harmless import HARMLESS
from tests.oracle.rules import COUNTED_BUFFERS

#: Numbers of layers and other small ones, and factors of large ones, which most that must divide them do.
SMALL = (1, 2, 3, 4, 6)
PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
STEP = 24
_BASE = set(transformers.PreTrainedConfig().to_dict()) - {"tie_word_embeddings"}
#: Keys that no shape goes by, and that a class may refuse to have changed.
_LEFT = re.compile(
    r"rope_parameters|model_type|architectures|transformers_version|dtype|.*token_(id|index)|.*_ids?|.*dropout.*|.*_pdrop"
    r"|.*_eps|.*epsilon|.*theta|.*_(std|range|coef|prob)|.*drop_path_rate|.*layerdrop|use_cache"
)


class Sample(NamedTuple):
    """A config that was built.

    Attributes:
        given: what was said, by path.
        settled: what the class's Config made of it.
        tensors: name to shape, each storage once.
    """

    given: dict[str, Any]
    settled: dict[str, Any]
    tensors: dict[str, tuple[int, ...]]


def flat(config: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Keys by path; nested configs are opened, other objects are not."""
    for key, value in config.items():
        if key in _BASE or _LEFT.fullmatch(key) or (isinstance(value, str) and HARMLESS.fullmatch(key)):
            continue
        if isinstance(value, dict):
            if "model_type" in value:
                yield from flat(value, f"{path}{key}.")
        elif isinstance(value, bool | int | float | str | None):
            yield path + key, value
        elif isinstance(value, list | tuple):
            yield path + key, list(value)


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a key by its path."""
    *above, last = path.split(".")
    for key in above:
        config = config[key]
    config[last] = value


class Probe:
    """One class under many configs."""

    def __init__(self, model_type: str, class_name: str, seed: int = 0) -> None:
        self.settings = transformers.CONFIG_MAPPING[model_type]
        self.model = getattr(transformers, class_name)
        self.base = self.settings().to_dict()
        self.keys = dict(flat(self.base))
        self.settled_later = {path for path in self.keys if _left_open(self.settings, path)}
        self.random = random.Random(f"{class_name} {seed}")

    def build(self, given: dict[str, Any]) -> Sample | None:
        """The sample of a config; None where the class refuses it."""
        config = deepcopy(self.base)
        for path, value in given.items():
            put(config, path, deepcopy(value))
        config["id2label"] = {number: str(number) for number in range(config.pop("num_labels", 2))}
        config["label2id"] = {name: number for number, name in config["id2label"].items()}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                settings = self.settings.from_dict(config)
                settled = {**dict(flat(settings.to_dict())), "num_labels": settings.num_labels}
                with torch.device("meta"):
                    model = self.model(settings)
                model.tie_weights()
        except Exception:
            return None
        return Sample({**self.keys, **given}, settled, held(model))

    def draw(self, share: float) -> dict[str, Any]:
        """A config of which about `share` of the keys differ from the class's own."""
        pick = self.random
        given: dict[str, Any] = {"num_labels": pick.choice((2, 3, 5, 9, 10, 11, 19, 40))}
        for path, value in self.keys.items():
            name = path.rpartition(".")[2]
            if re.search(r"layers|depth$|num_blocks|n_layer$", name) and isinstance(value, int):
                given[path] = pick.choice((1, 2, 3, 4, 5))
            elif pick.random() < share:
                given[path] = self._other(name, value)
        return given

    def _other(self, name: str, value: Any) -> Any:
        pick = self.random
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return pick.choice(SMALL) if abs(value) <= 16 else STEP * pick.choice(PRIMES) * pick.choice((1, 1, 2))
        if isinstance(value, list) and value and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            large = max(value) > 16
            return [STEP * pick.choice(PRIMES) if large else pick.choice(SMALL) for _ in value]
        if isinstance(value, float):
            named = re.search(r"ratio|factor|expan|mult", name)
            return float(pick.choice((1, 2, 3, 4))) if named else value * pick.choice((0.5, 1, 2))
        if isinstance(value, list) and value and all(isinstance(v, str) for v in value) and name.endswith("types"):
            return None
        return value


def _left_open(settings: Any, path: str) -> bool:
    """Whether the class's Config leaves the key open, and settles it from others."""
    *above, last = path.split(".")
    for key in above:
        settings = settings.sub_configs.get(key)
    field = getattr(settings, "__dataclass_fields__", {}).get(last)
    return field is None or field.default is None


def held(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Every stored tensor of a model, and the buffers that checkpoints hold."""
    found: dict[str, tuple[int, ...]] = {}
    seen: set[int] = set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) not in seen:
            found[name] = tuple(parameter.shape)
        seen.add(id(parameter))
    for name, buffer in model.named_buffers():
        if any(re.search(pattern, name) for pattern in COUNTED_BUFFERS):
            found[name] = tuple(buffer.shape)
    return found
