"""From a published ``config.json`` to a `ModelSpec`: one module per family, found by ``model_type``.

To add a family: write its module, with the tuple ``MODEL_TYPES`` of what it reads and ``read(Config) -> ModelSpec``.
Which module reads what is the compiled table ``families``, so that of all modules only the one needed is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from llmscale import plugins
from llmscale.errors import InputFileError, NotFoundError, UnsupportedModelError, UsageError
from llmscale.model.derived import READER, by_tensors, has_class
from llmscale.model.families import _classes
from llmscale.model.families._config import Config
from llmscale.model.families._numerics import Numerics, numerics_of
from llmscale.model.families._values import short
from llmscale.model.prediction import prediction_layers
from llmscale.model.spec import ModelSpec
from llmscale.names import visible
from llmscale.quantity import Basis
from llmscale.store.tables import table


def model_types() -> dict[str, str]:
    """Every known published ``model_type``, and the module of this package that reads it."""
    return table("families")


#: Classes of a part: each has a config of its own, so a file of the whole that names one contradicts itself.
_PART = re.compile(r"(Text|Vision|Audio)Model(WithProjection)?$")
_PARTS = ("text_config", "vision_config", "audio_config")


def from_config(data: Mapping[str, Any], where: str, assume: str | None = None) -> ModelSpec:
    """Read a config by its ``model_type``.

    Args:
        data: the parsed ``config.json``.
        where: file or entry, as messages shall call it.
        assume: the ``model_type`` to count it as when its own is not known. The spec is then assumed, and warns of
            that and of the keys that nobody read instead of refusing them.

    Raises:
        UsageError: its own ``model_type`` is known, and another one than `assume`.
        NotFoundError: there is no family `assume`.
        UnsupportedModelError: an unknown family, or a key that we do not understand.
        InputFileError: values that are missing, out of bounds or contradict each other.
    """
    if assume is not None:
        family = _family(assume)
        if data.get("model_type") != family:
            return _as(family, data, where)
    c = Config(data, where)
    for image, patch in _images(data):
        if image < patch:
            raise c.error(f"has image_size = {image} and patch_size = {patch}: no patch fits into such an image")
    if _PART.search(c.architecture("")) and any(isinstance(data.get(key), Mapping) for key in _PARTS):
        raise c.unsupported(f"is a {c.architecture('')[:60]}, a part of the model that the file describes")
    try:
        spec = read_part(c)
        c.finish()
    except UnsupportedModelError as own:
        if by_tensors(c.model_type) or not has_class(c.model_type, c.architecture("")):
            raise
        c = Config(data, where)
        try:
            spec = import_module(f"{__name__}.{READER}").read(c)
            c.finish()
        except UnsupportedModelError:
            raise own from None  # which knows the family
    if any(size < 1 for placed in spec.placed if placed.tower for t in placed.block.tensors() for size in t.shape):
        raise c.error("has an image_size that is smaller than its patch_size: no patch fits into such an image")
    if outside := c.outside():
        spec = replace(spec, warnings=(*spec.warnings, _unread_by_all(outside)))
    if c.left_out:
        if not any(type(value) is int and value > 1 for value in data.values()):
            raise _lacking(c)  # a file without any size is nobody's model
        spec = replace(spec, warnings=(*spec.warnings, _assumed_by_class(c.left_out)))
    method, more = published_in(data), prediction_layers(data)
    return replace(spec, published_in=method, prediction_layers=more) if method or more else spec


def _images(data: Mapping[str, Any], deep: int = 4) -> Iterator[tuple[int, int]]:
    """The sizes of images and patches that a config, or an object in it, gives together."""
    image, patch = data.get("image_size"), data.get("patch_size")
    if type(image) is int and type(patch) is int:
        yield image, patch
    for value in data.values() if deep else ():
        if isinstance(value, Mapping):
            yield from _images(value, deep - 1)


def from_keys(data: Mapping[str, Any], where: str) -> ModelSpec:
    """Read the keys that a family asks for and no others: of configs that llmscale itself has put together.

    Raises:
        InputFileError: as `from_config`, but for keys that nobody reads.
    """
    return read_part(Config(data, where))


def _unread_by_all(keys: list[str]) -> str:
    named = ", ".join(visible(key, 40) for key in keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")
    return f"The class of transformers {_classes.version()} reads no key {named}: left out of account."


def _lacking(c: Config) -> InputFileError:
    return c.error(f"lacks '{next(iter(c.left_out))}'", "Every dimension that the model needs must be there.")


def _assumed_by_class(left_out: Mapping[str, Any]) -> str:
    named = ", ".join(f"{key} ({short(value)})" for key, value in left_out.items())
    return f"The file does not say {named}: assumed as the class of transformers {_classes.version()} does."


def published_in(config: Mapping[str, Any]) -> str:
    """What a checkpoint was published quantised in; empty for others.

    The ``quant_method``, and of one that stands for many layouts, where it is one that a quant keeps, that quant.
    """
    quantization = config.get("quantization_config")
    if not isinstance(quantization, Mapping) or not isinstance(quantization.get("quant_method"), str):
        return ""
    method = str(quantization["quant_method"])
    if method == "fp8" and config.get("expert_dtype") == "fp4":
        return FP4_EXPERTS
    return INT4_EXPERTS if method == "compressed-tensors" and _int4_experts(quantization) else method


#: Routed experts alone in 4 bits and groups of 32, as Kimi K2.5 is published.
INT4_EXPERTS = "int4-g32-experts"
#: Routed experts in MXFP4 and all else in FP8, as DeepSeek V4 is published.
FP4_EXPERTS = "fp8-fp4-experts"


def _int4_experts(quantization: Mapping[str, Any]) -> bool:
    groups, ignored = quantization.get("config_groups"), str(quantization.get("ignore"))
    only = list(groups.values()) if isinstance(groups, Mapping) else []
    weights = only[0].get("weights") if len(only) == 1 and isinstance(only[0], Mapping) else None
    wanted = {"num_bits": 4, "group_size": 32, "type": "int", "symmetric": True}
    return (
        isinstance(weights, Mapping)
        and all(weights.get(name) == value for name, value in wanted.items())
        and all(part in ignored for part in ("self_attn", "shared_experts", "lm_head"))
    )


def _family(name: str) -> str:
    from llmscale.names import nearest, normal

    known = model_types()
    for model_type in known:
        if normal(model_type) == normal(name):
            return model_type
    near = nearest(name, known) or list(known)
    raise NotFoundError(f"There is no family called '{name[:60]}'.", f"Nearest families: {_some(near)}.")


def _as(family: str, data: Mapping[str, Any], where: str) -> ModelSpec:
    own = Config(data, where).model_type
    if own in model_types():
        raise UsageError(
            f"{where} says that it is '{own}', which llmscale knows; --assume {family} contradicts it.",
            "Leave --assume away.",
        )
    c = Config({**data, "model_type": family}, where)
    spec = read_part(c)
    if c.left_out:
        raise _lacking(c)  # what the class of another model assumes says nothing of this one
    said = f"its architecture '{own[:60]}' is not known" if own else "it names no architecture"
    warning = f"{where} is counted as '{family}' because --assume says so: {said}, and every number is a guess."
    if unread := c.unread() + c.outside():
        warning += f" Keys that may change it and that '{family}' does not read: {', '.join(unread)}."
    return replace(spec, basis=Basis.ASSUMED, warnings=(*spec.warnings, warning))


def read_part(c: Config) -> ModelSpec:
    """Read a config, or the part of one that is a model of its own (``text_config``), by its ``model_type``."""
    if "model_type" not in c.data:
        raise c.error("has no 'model_type'", f"It names the architecture. Known: {_some(list(model_types()))}.")
    module = model_types().get(c.model_type)
    reader = plugins.find("families", c.model_type) if module is None else None
    if reader is not None:
        return cast(ModelSpec, reader.read(c))
    if module is None:
        from llmscale.names import nearest

        near = nearest(c.model_type, model_types()) or list(model_types())
        raise UnsupportedModelError(
            f"{c.where}: llmscale does not know the architecture '{str(c.data['model_type'])[:60]}', "
            "and a count by another one would be a guess.",
            f"Nearest families: {_some(near)}. --assume FAMILY counts it as one that you choose; "
            "a size literal such as 7B gives weights without the shape.",
        )
    spec: ModelSpec = import_module(f"llmscale.model.families.{module}").read(c)
    numerics = numerics_of(c.data)
    return spec if numerics == Numerics() else replace(spec, **numerics._asdict())


def _some(words: list[str]) -> str:
    return ", ".join(words[:6]) + (" …" if len(words) > 6 else "")
