"""Numbers that remember what they were made of, and the tensors whose sizes such numbers gave.

The settings of a class are handed out as `Whole` and `Decimal`: whole and decimal numbers to everybody who asks, whose
sums and products keep their expression. What a tensor was made with is then seen at its making.
"""

from __future__ import annotations

import builtins
import math
import operator
import sys
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

#: Comparisons of numbers that were made of settings, as they are met: operator, left, right.
MET: set[tuple[str, str, str]] = set()
#: What takes a device, and makes a tensor there.
_ON_DEVICE = _device_constructors()
#: Longer expressions are not kept.
LONGEST = 12


def told(value: Any) -> Any:
    """The expression of a number; the number itself where it has none."""
    if isinstance(value, (Whole, Decimal)):
        return value.made_of
    return int(value) if isinstance(value, bool) else value


def size_of(expression: Any) -> int:
    """How many numbers and keys an expression names."""
    return sum(size_of(part) for part in expression[1:]) if isinstance(expression, list) else 1


def _made(value: Any, name: str, *parts: Any) -> Any:
    expression = [name, *map(told, parts)]
    if size_of(expression) > LONGEST:
        return value
    if type(value) is int:
        return Whole(value, expression)
    return Decimal(value, expression) if type(value) is float else value


def _binary(name: str, apply: Any) -> tuple[Any, Any]:
    def plain(value: Any) -> Any:
        return float(value) if isinstance(value, float) else builtins.int.__int__(value)

    def forward(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        return _made(apply(plain(self), plain(other)), name, self, other)

    def backward(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        return _made(apply(plain(other), plain(self)), name, other, self)

    return forward, backward


def _compared(name: str, apply: Any, base: type) -> Any:
    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, (int, float)) and not isinstance(other, bool) and len(MET) < 4000:
            MET.add((name, repr(told(self)), repr(told(other))))
        return getattr(base, f"__{name}__")(self, other)

    return compare


class Whole(int):
    """A whole number and what it was made of."""

    made_of: Any

    def __new__(cls, value: int, made_of: Any = None) -> Whole:
        self = int.__new__(cls, value)
        self.made_of = builtins.int(value) if made_of is None else made_of
        return self

    def __copy__(self) -> Whole:
        return self

    def __deepcopy__(self, memo: Any) -> Whole:
        return self

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __neg__(self) -> Any:
        return _made(int.__neg__(self), "-", 0, self)


class Decimal(float):
    """A decimal number and what it was made of."""

    made_of: Any

    def __new__(cls, value: float, made_of: Any = None) -> Decimal:
        self = float.__new__(cls, value)
        self.made_of = builtins.float(value) if made_of is None else made_of
        return self

    def __copy__(self) -> Decimal:
        return self

    def __deepcopy__(self, memo: Any) -> Decimal:
        return self

    def __hash__(self) -> int:
        return float.__hash__(self)

    def __ceil__(self) -> Any:
        return _made(math.ceil(float(self)), "ceil", self)

    def __floor__(self) -> Any:
        return _made(math.floor(float(self)), "floor", self)

    def __round__(self, digits: Any = None) -> Any:
        return _made(round(float(self)), "round", self) if digits is None else round(float(self), digits)


for _class in (Whole, Decimal):
    for _name, _word, _apply in (
        ("+", "add", operator.add),
        ("-", "sub", operator.sub),
        ("*", "mul", operator.mul),
        ("//", "floordiv", operator.floordiv),
        ("/", "truediv", operator.truediv),
        ("%", "mod", operator.mod),
        ("**", "pow", operator.pow),
    ):
        _forward, _backward = _binary(_name, _apply)
        setattr(_class, f"__{_word}__", _forward)
        setattr(_class, f"__r{_word}__", _backward)
    for _word in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(_class, f"__{_word}__", _compared(_word, None, int if _class is Whole else float))


class _Int(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, builtins.int)

    def __subclasscheck__(cls, other: Any) -> bool:
        return issubclass(other, builtins.int)

    def __call__(cls, *args: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Whole):
            return args[0]
        if len(args) == 1 and isinstance(args[0], Decimal):
            return _made(builtins.int(float(args[0])), "int", args[0])
        return builtins.int(*args)


class Int(metaclass=_Int):
    """`int` for the modules of models: it keeps what a number was made of."""


def listen() -> None:
    """Let the modules of models that are loaded use `Int`."""
    for name, module in list(sys.modules.items()):
        if name.startswith("transformers.models.") and (".modeling_" in name or ".configuration_" in name):
            module.__dict__.setdefault("int", Int)


class Sizes(TorchFunctionMode):
    """Makes every new tensor on the meta device, and notes by storage what it was made with."""

    MAKERS = frozenset((torch.empty, torch.zeros, torch.ones, torch.randn, torch.rand, torch.full, torch.arange))
    #: What makes a tensor as large as its first.
    KEEPERS = frozenset((torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.div))

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []
        self.sizes: dict[int, tuple[Any, ...]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _ON_DEVICE and (kwargs or {}).get("device") is None:
            kwargs = {**(kwargs or {}), "device": "meta"}
        found = func(*args, **(kwargs or {}))
        if func in self.MAKERS and isinstance(found, torch.Tensor):
            given = (kwargs or {}).get("size", args)
            if func is torch.full:
                given = args[0] if args else given
            if len(given) == 1 and isinstance(given[0], (tuple, list)):
                given = given[0]
            if isinstance(given, (tuple, list)) and tuple(given) == tuple(found.shape):
                self._keep(found, tuple(map(told, given)))
        elif func in self.KEEPERS and isinstance(args[0], torch.Tensor) and found.shape == args[0].shape:
            self._keep(found, self.of(args[0]))
        return found

    def _keep(self, found: torch.Tensor, known: tuple[Any, ...] | None) -> None:
        if known is not None:
            self.kept.append(found)
            self.sizes[found.untyped_storage()._cdata] = known

    def of(self, tensor: torch.Tensor) -> tuple[Any, ...] | None:
        """What a tensor's sizes were made of; None where its making was not seen."""
        found = self.sizes.get(tensor.untyped_storage()._cdata)
        return found if found is not None and len(found) == tensor.dim() else None
