"""The real classes of transformers, built on torch's meta device: tensors have shapes but no memory."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import transformers

from tests.oracle.omitted import with_factors
from tests.oracle.rules import CLASSES, COUNTED_BUFFERS, SAME_AS, SAME_TENSOR, UNCOUNTED_BUFFERS
from tests.oracle.subjects import Shape
from tests.oracle.valueless import valueless


class Real(NamedTuple):
    """What the class holds, under the library's own names.

    Attributes:
        stored: each storage once, counted buffers included.
        again: further uses of a stored tensor, such as a tied head.
        unknown: buffers of the checkpoint that no table in `rules` speaks of.
    """

    class_name: str
    stored: dict[str, Shape]
    again: dict[str, Shape]
    unknown: list[str]


def real(config: dict[str, Any]) -> Real | None:
    """Build the class that `config` names; None when transformers has none for it."""
    model = _build(config)
    if model is None:
        return None
    stored: dict[str, Shape] = {}
    again: dict[str, Shape] = {}
    seen: set[int] = set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) not in seen:
            stored[name] = tuple(parameter.shape)
        elif not any(re.search(pattern, name) for pattern in SAME_TENSOR):
            again[name] = tuple(parameter.shape)
        seen.add(id(parameter))
    kept = set(model.state_dict())
    buffers = {name: tuple(buffer.shape) for name, buffer in model.named_buffers() if name in kept}
    unknown = []
    for name, shape in buffers.items():
        if any(re.search(pattern, name) for pattern in COUNTED_BUFFERS):
            stored[name] = shape
        elif not any(re.search(pattern, name) for pattern in UNCOUNTED_BUFFERS):
            unknown.append(name)
    return Real(type(model).__name__, stored, again, unknown)


def _build(config: dict[str, Any]) -> torch.nn.Module | None:
    model_type = SAME_AS.get(config["model_type"], config["model_type"])
    if model_type not in transformers.CONFIG_MAPPING:
        return None
    # A copy, since it moves keys of the nested settings about.
    given = deepcopy({**with_factors(config), "model_type": model_type})
    settings = transformers.CONFIG_MAPPING[model_type].from_dict(given)
    name = (config.get("architectures") or [""])[0]
    build: Any = getattr(transformers, CLASSES.get(name, name), None) if name else None
    build = build or transformers.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(settings), None)
    if build is None:
        return None
    with torch.device("meta"), valueless():
        model = build(settings)
    model.tie_weights()
    assert isinstance(model, torch.nn.Module)
    return model
