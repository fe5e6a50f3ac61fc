"""Expressions of keys, as `data/probed/` writes a tensor's dimensions, and conditions, as it says when one is there.

A number, a text that names a key, or a list: an operator and what it is applied to. ``hidden_sizes[i-1]`` is an element
of a list, by the number of the layer ``i`` (or of the inner one, ``j``), ``len depths`` the length of one, and
``depths[out_indices[i+0]-1]`` the element that an element of another list says. ``sum depths`` is how many layers
stages of so many have together, ``depths~i+0`` the stage of the layer ``i``, ``widths[depths~i-1]`` what the stage of
the one before it has.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "/": operator.truediv,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
_ROUNDED: dict[str, Callable[[Any], Any]] = {"int": int, "ceil": math.ceil, "floor": math.floor, "round": round}
_ELEMENT = re.compile(r"(?P<key>[^\[]+)\[(?P<letter>[ijk]?)(?P<step>[+-]?\d+)\]")
_STAGE = re.compile(r"(?P<key>[^\[~]+)~(?P<letter>[ijk])(?P<step>[+-]\d+)")
_OF_STAGE = re.compile(r"(?P<key>[^\[]+)\[(?P<stage>[^\[\]]+~[ijk][+-]\d+)\]")
_NESTED = re.compile(r"(?P<key>[^\[]+)\[(?P<place>[^\[]+\[[ijk]?[+-]?\d+\])(?P<step>[+-]\d+)\]")


class UnknownKeyError(LookupError):
    """A key that an expression needs, and that nobody said."""


def evaluate(expression: Any, values: Mapping[str, Any], places: Mapping[str, int]) -> Any:
    """What an expression comes to.

    Args:
        values: what the config says, by path.
        places: the numbers of the layer, ``i`` and ``j``.

    Raises:
        UnknownKeyError: naming the key.
    """
    if isinstance(expression, str):
        return _value(expression, values, places)
    if not isinstance(expression, list):
        return expression
    name, *rest = expression
    if name == "say":
        return rest[0]
    if name == "list":
        count = evaluate(rest[0], values, places)
        return [evaluate(rest[1], values, {**places, "i": number}) for number in range(int(count))]
    if name == "in":
        return places[rest[0]] in _listed(rest[1], values)
    if name == "is":
        return _value(rest[0], values, places, missing=None) == rest[1]
    if name == "not":
        return not evaluate(rest[0], values, places)
    if name in ("and", "or"):
        each = (evaluate(part, values, places) for part in rest)
        return all(each) if name == "and" else any(each)
    if name == "if":
        return evaluate(rest[1] if evaluate(rest[0], values, places) else rest[2], values, places)
    if name in _ROUNDED:
        return _ROUNDED[name](evaluate(rest[0], values, places))
    left, right = (evaluate(part, values, places) for part in rest)
    return _OPERATORS[name](left, right)


_NEEDED = object()


def _value(name: str, values: Mapping[str, Any], places: Mapping[str, int], missing: Any = _NEEDED) -> Any:
    if name in places:
        return places[name]
    if name.startswith("len "):
        return len(_listed(name[4:], values))
    if name.startswith("sum "):
        return sum(_listed(name[4:], values))
    if match := _STAGE.fullmatch(name):
        return stage_of(_listed(match["key"], values), max(0, places[match["letter"]] + int(match["step"])))
    if match := _OF_STAGE.fullmatch(name):
        listed, stage = _listed(match["key"], values), evaluate(match["stage"], values, places)
        if stage < len(listed):
            return listed[stage]
        raise UnknownKeyError(match["key"])
    if match := _NESTED.fullmatch(name):
        place = evaluate(match["place"], values, places) + int(match["step"])
        listed = _listed(match["key"], values)
        if 0 <= place < len(listed):
            return listed[place]
        raise UnknownKeyError(match["key"])
    if match := _ELEMENT.fullmatch(name):
        listed, letter = _listed(match["key"], values), match["letter"]
        place = int(match["step"]) + (places[letter] if letter else 0)
        # Before the first there is none; from the end is counted only where a number alone says so.
        if place < len(listed) and (place >= 0 or (not letter and place >= -len(listed))):
            return listed[place]
        if missing is None:
            return None
        raise UnknownKeyError(match["key"])
    found = values.get(name)
    if found is None and missing is _NEEDED:
        raise UnknownKeyError(name)
    return found


def stage_of(depths: list[Any], layer: int) -> int:
    """The stage in which a layer is, of stages of so many layers each."""
    for stage, depth in enumerate(depths):
        layer -= depth
        if layer < 0:
            return stage
    raise UnknownKeyError("layers")


def _listed(key: str, values: Mapping[str, Any]) -> list[Any]:
    found = values.get(key)
    if not isinstance(found, list):
        raise UnknownKeyError(key)
    return found
