"""The keys of a Config: what its class assumes for each, and of which kind it says that it is."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import MISSING
from typing import Any, NamedTuple

import transformers

from llmscale.model.families._harmless import named_harmless

LAYERS = re.compile(r"layers|depth$|num_\w*blocks|n_layer$|num_stages")
TOKEN = re.compile(r".*token_(id|index)|.*_(start|end)_id")
_BASE = set(transformers.PreTrainedConfig().to_dict()) - {"tie_word_embeddings"}
#: Keys that no shape goes by, and that a class may refuse to have changed.
_LEFT = re.compile(
    r"rope_parameters|model_type|architectures|transformers_version|dtype|.*dropout.*|.*_pdrop"
    r"|.*_eps|.*epsilon|.*theta|.*_(std|coef)|(.*_)?initializer_range|(?!mask_).*_prob|.*drop_path_rate|.*layerdrop"
    r"|use_cache"
)
#: A key that a Config does not name as one of its own, and takes all the same: what it is and what is assumed.
_TAKEN = re.compile(r'kwargs\.(?:pop|get)\("(\w+)", (\d+|True|False)\)')
#: A key that a Config does not name as one of its own.
ABSENT = object()


class Key(NamedTuple):
    """A key of a Config: what its class assumes, what it comes to, and of which kind it says it is."""

    default: Any
    settled: Any
    kind: str
    unasked: bool = False


def keys_of(settings: Any, path: str = "") -> Iterator[tuple[str, Key]]:
    """Keys by path; nested configs are opened, other objects are not."""
    fields = getattr(type(settings), "__dataclass_fields__", {})
    parts = [
        name
        for name in settings.sub_configs
        if isinstance(getattr(settings, name, None), transformers.PreTrainedConfig)
    ]
    yield from ((path + name, key) for name, key in _taken(type(settings)) if name not in fields)
    for name, value in settings.to_dict().items():
        if name in parts:
            yield from keys_of(getattr(settings, name), f"{path}{name}.")
        if name in parts or name in _BASE or _LEFT.fullmatch(name):
            continue
        if isinstance(value, str) and named_harmless(name):
            continue
        if isinstance(value, dict):  # Never varied: what a file says must be what the class assumes.
            yield path + name, Key(ABSENT, value, "")
            continue
        if named_harmless(name) and not TOKEN.fullmatch(name) and not isinstance(value, (int, bool)):
            continue
        value = list(value) if isinstance(value, tuple) else value
        default: Any = ABSENT
        kind = ""
        if (field := fields.get(name)) is not None:
            default = field.default_factory() if callable(field.default_factory) else field.default
            default = ABSENT if default is MISSING else list(default) if isinstance(default, tuple) else default
            kind = field.type if isinstance(field.type, str) else _spelled(field.type)
        if default is ABSENT and isinstance(value, int | float | list) and not TOKEN.fullmatch(name):
            # What a Config makes without asking; a file may say it all the same.
            yield path + name, Key(None, value, type(value).__name__, True)
            continue
        if isinstance(default, (bool, int, float, str, list, type(None))) or default is ABSENT:
            yield path + name, Key(default, value, kind)


def _taken(settings: type) -> Iterator[tuple[str, Key]]:
    """Keys that a Config makes others of, and does not keep."""
    made = settings.__dict__.get("__post_init__")
    for name, text in _TAKEN.findall(inspect.getsource(made)) if made is not None else ():
        value = int(text) if text.isdigit() else text == "True"
        if not named_harmless(name):
            yield name, Key(value, value, type(value).__name__)


def _spelled(annotation: Any) -> str:
    if args := typing.get_args(annotation):
        inner = ", ".join(_spelled(arg) for arg in args)
        return f"{typing.get_origin(annotation)}[{inner}]".replace("typing.Literal", "Literal")
    return repr(annotation) if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def merged_of(settings: type[transformers.PreTrainedConfig]) -> Iterator[tuple[str, Any]]:
    """By path, what a Config assumes of its parts where a file has them and leaves the key out: few do that at all."""
    for name, spec in getattr(settings, "sub_configs_defaults", {}).items():
        assumed = getattr(spec, "init_kwargs", None) or {}
        alone = getattr(settings(), name, None)
        if assumed and alone is not None:
            part = getattr(settings.from_dict({name: {"model_type": alone.model_type}}), name)
            own = type(alone)()
            taken = [key for key, value in assumed.items() if getattr(part, key, None) == value]
            if any(getattr(own, key, None) != assumed[key] for key in taken):
                yield from ((f"{name}.{key}", assumed[key]) for key in taken)


def optional_of(settings: type[transformers.PreTrainedConfig], base: dict[str, Any]) -> Iterator[str]:
    """Paths of the objects that a file may leave out: the Config then makes the same as of empty ones.

    A text part never: files of other code have its keys beside the others.
    """
    whole = settings.from_dict(deepcopy(base)).to_dict()
    for path in (path for path in _paths(base) if not re.search(r"text|language|llm", path)):
        config = deepcopy(base)
        above, _, last = path.rpartition(".")
        part = config
        for key in filter(None, above.split(".")):
            part = part[key]
        del part[last]
        if settings.from_dict(config).to_dict() == whole:
            yield path


def _paths(base: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, part in base.items():
        if isinstance(part, dict):
            yield path + name
            yield from _paths(part, f"{path}{name}.")


def openings_of(settings: Any) -> dict[str, Any]:
    """The config without its keys: the objects nested in it, each with its model type."""
    found: dict[str, Any] = {"model_type": settings.model_type}
    for name in settings.sub_configs:
        part = getattr(settings, name, None)
        if isinstance(part, transformers.PreTrainedConfig):
            found[name] = openings_of(part)
    return found


def words_of(kind: str) -> list[str]:
    found = re.search(r"Literal\[(.*?)\]", kind)
    return re.findall(r"'([^']*)'", found[1]) if found else []
