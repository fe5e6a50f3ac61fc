"""Configs to build a class from, whose numbers vary apart from each other, and what the class holds under each."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import transformers

from tests.oracle.probe.config_keys import ABSENT, Key, keys_of, merged_of, openings_of
from tests.oracle.probe.trace import MET, Decimal, Sizes, Whole, listen, told
from tests.oracle.probe.vary import Variations
from tests.oracle.rules import COUNTED_BUFFERS
from tests.oracle.valueless import valueless

#: What a file must say where a class assumes nothing, and cannot be built without.
SAID = {"vocab_size": 33}
#: The same by model type, where it is more than a number.
SAID_BY: dict[str, dict[str, Any]] = {
    "deepseek_ocr2": {"text_config.mlp_layer_types": ["dense"] + ["sparse"] * 31},
}
#: Keys that a Config does not declare, and that its class needs or its published files have: what these say.
NEEDED = {
    "detr": {"max_position_embeddings": 1024},
    "moonshine_streaming": {"num_key_value_heads": 8},
}
#: By model type, keys that are left as the class assumes them: no expression says what follows from another value.
HELD = {
    **dict.fromkeys(("canary", "cohere_asr", "parakeet_ctc", "parakeet_tdt"), ("encoder_config.subsampling_factor",)),
    **dict.fromkeys(
        ("csm", "kyutai_speech_to_text"),
        ("codec_config.num_residual_layers", "codec_config.upsampling_ratios", "codec_config.use_conv_shortcut"),
    ),
    "mistral_large4": ("text_config.index_topk_freq", "text_config.index_skip_topk_offset"),
    "phi4_multimodal": ("audio_config.time_reduction",),
    "vits": ("depth_separable_num_layers", "upsample_rates", "upsample_kernel_sizes", "resblock_kernel_sizes"),
}
#: The model type of a part that is another library's, and which of its models are tried.
TIMM, TIMM_MODELS = "timm_backbone", ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


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


class Probe:
    """One class under many configs."""

    def __init__(self, model_type: str, class_name: str, seed: int = 0) -> None:
        self.settings = transformers.CONFIG_MAPPING[model_type]
        self.model = getattr(transformers, class_name)
        self.base = openings_of(self.settings())
        self.keys = dict(keys_of(self.settings()))
        for path, value in merged_of(self.settings):
            if path in self.keys:
                self.keys[path] = self.keys[path]._replace(default=value, settled=value)
        for path, said in SAID_BY.get(model_type, {}).items():
            self.keys[path] = self.keys[path]._replace(settled=said)
        for path, said in NEEDED.get(model_type, {}).items():
            self.keys[path] = Key(None, said, "int")
        for path in HELD.get(model_type, ()):
            self.keys[path] = self.keys[path]._replace(default=ABSENT)
        for path in [name for name, part in self.base.items() if isinstance(part, dict) and part["model_type"] == TIMM]:
            self._named(path)
        self.vary = Variations(self.keys, f"{class_name} {seed}")
        self.floor: dict[str, Any] = {}
        self.small = self.vary.shallow()
        self.state: dict[str, Any] = dict(self.small)

    def _named(self, part: str) -> None:
        """A part that files do not have: they name the model that it is, and the Config makes the rest."""
        del self.base[part]
        assumed = self.keys[f"{part}.backbone"].settled
        self.keys = {path: key for path, key in self.keys.items() if not path.startswith(f"{part}.")}
        words = ", ".join(f"'{name}'" for name in TIMM_MODELS)
        self.keys["backbone"] = Key(assumed, assumed, f"Literal[{words}]")
        self.keys["use_timm_backbone"] = Key(ABSENT, True, "bool")

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
                with valueless(), sizes:
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
            } | {path: value for path, value in SAID.items() if path in self.keys and self.keys[path].settled is None}
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
                    self.vary.thresholds.setdefault(ast.literal_eval(one), set()).add(int(other))
        return True

    def draw(self, count: int) -> Iterator[Sample]:
        """So many configs that the class builds, each some steps from the one before."""
        failed = number = 0
        while number < count and failed < 200 + 8 * count:
            if number % 40 == 39:
                self.state = dict(self.small)
            trial = self.vary.changed(self.state, self.vary.random.choice((1, 2, 3, 5, 8, 13)))
            if (sample := self.build(trial)) is None:
                failed += 1
                continue
            self.state = trial
            number += 1
            yield sample

    def alone(self) -> Iterator[Sample]:
        """Configs that differ from the class's own, of few layers, in one key: what is seldom drawn is seen here."""
        yield from filter(None, map(self.build, self.vary.alone(self.small)))

    def full(self, count: int) -> Iterator[Sample]:
        """The class's own Config in full depth, and so many others near to it."""
        first = self.build(self.floor)
        if first is not None:
            yield first
        self.state = dict(self.floor)
        deep = [path for path in self.keys if self.vary.is_depth(path)]
        for number in range(count * 3):
            trial = self.vary.changed(self.state, self.vary.random.choice((1, 2, 4)), shallow=False)
            for path in deep:
                trial.pop(path, None)
                base = self.keys[path].settled
                if number % 2 and isinstance(base, int):
                    trial[path] = max(1, base + self.vary.random.choice((-7, -3, -1, 1, 2, 3, 5, 8)))
            if (sample := self.build(trial)) is not None:
                count -= 1
                yield sample
            if not count:
                return


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


def _traced(path: str, value: Any) -> Any:
    if type(value) is int:
        return Whole(value, path)
    if type(value) is float:
        return Decimal(value, path)
    if isinstance(value, list):
        return [_traced(f"{path}[{place}]", one) for place, one in enumerate(value)]
    return deepcopy(value)


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
    normed = dict(_normed(model))
    seen: set[int] = set()
    every = list(model.named_parameters(remove_duplicate=False))
    every += [(n, b) for n, b in model.named_buffers() if any(re.search(p, n) for p in COUNTED_BUFFERS)]
    for name, tensor in every:
        if id(tensor) not in seen:
            found[name] = tuple(tensor.shape)
            if (origin := normed.get(name) or sizes.of(tensor)) is not None:
                made[name] = origin
        seen.add(id(tensor))
    return found, made


def _normed(model: torch.nn.Module) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Of convolutions whose weight is kept as length and direction: what both were made of, by name."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv1d) and torch.nn.utils.parametrize.is_parametrized(module):
            sizes = module.out_channels, module.in_channels // module.groups, *module.kernel_size
            path = f"{name}.parametrizations.weight.original"
            length, direction = (module.get_parameter(f"parametrizations.weight.original{n}") for n in (0, 1))
            yield f"{path}1", tuple(map(told, sizes))
            same = zip(sizes, length.shape, direction.shape, strict=True)
            yield f"{path}0", tuple(told(size) if own == whole else int(own) for size, own, whole in same)
