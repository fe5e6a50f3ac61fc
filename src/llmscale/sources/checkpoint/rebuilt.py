"""What the calls of a pickle of tensors would give: tensors, their data and their types; nothing is called.

Sources: github.com/pytorch/pytorch: torch/_utils.py (`_rebuild_*`), torch/serialization.py (ids of storages),
torch/_weights_only_unpickler.py (what a file of weights may name).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.records import NamedTuple
from llmscale.sources.checkpoint.header import MOST_AXES

#: Storages by the class that they are pickled as, and types of `torch`, as safetensors calls them.
STORAGES = {
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64",
    "UntypedStorage": "U8",
}
TYPES = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "bfloat16": "BF16",
    "complex64": "C64",
    "bool": "BOOL",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
}


class UnreadPickleError(Exception):
    """Why a pickle is not read."""


class Symbol(NamedTuple):
    """A name of a program, which stays a name."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """As Python writes it."""
        return f"{self.module}.{self.name}"


class Storage(NamedTuple):
    """Data that tensors are views of; `elements` of the type `dtype`."""

    key: str
    dtype: str
    elements: int


class PickledTensor(NamedTuple):
    """One tensor: where it begins in its storage, its shape and its strides."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


#: What stands for a value that says nothing of tensors.
NOTHING = object()


def symbol_of(told: str) -> Symbol:
    """Of a module and a name with a space between."""
    module, _, name = told.partition(" ")
    return Symbol(module, name)


def called_by(called: Any, arguments: Any) -> Any:
    """What a call would give.

    Raises:
        UnreadPickleError: one that nobody needs for tensors.
    """
    if not isinstance(called, Symbol):
        raise UnreadPickleError("it would call what is no name")
    made = _CALLS.get(called.dotted)
    if made is None:
        raise UnreadPickleError(f"it would call {called.dotted}, which files of weights do not; nothing was executed")
    return made(arguments)


def _tensor(arguments: Any) -> PickledTensor:
    storage, offset, shape, strides, *rest = arguments
    if not isinstance(storage, Storage):
        raise UnreadPickleError("a tensor in it has no data")
    dtype = storage.dtype
    if len(rest) > 2 and isinstance(rest[2], Symbol):  # `_rebuild_tensor_v3` names the type beside untyped data
        dtype = _type(rest[2])
    return PickledTensor(storage, dtype, _count(offset), _counts(shape), _counts(strides))


def _type(symbol: Symbol) -> str:
    if symbol.module != "torch" or symbol.name not in TYPES:
        raise UnreadPickleError(f"a tensor in it is of the type {symbol.dotted}")
    return TYPES[symbol.name]


def storage_of(told: Any) -> Storage:
    """Of ``('storage', type, key, device, elements)``; the old format has a view behind them."""
    if not isinstance(told, tuple) or len(told) not in (5, 6) or told[0] != "storage":
        raise UnreadPickleError("it holds a program's own objects besides tensors")
    symbol, key, elements, view = told[1], told[2], told[4], told[5:]
    if not isinstance(symbol, Symbol) or symbol.name not in STORAGES or symbol.module not in ("torch", "torch.storage"):
        raise UnreadPickleError(f"its data are of the type {symbol.dotted if isinstance(symbol, Symbol) else '?'}")
    if any(part is not None for part in view):
        raise UnreadPickleError("its data are views of other data")
    if not isinstance(key, str):
        raise UnreadPickleError("its data have no name")
    return Storage(key, STORAGES[symbol.name], _count(elements))


def _counts(values: Any) -> tuple[int, ...]:
    return tuple(_count(value) for value in _axes(values))


def _axes(values: Any) -> tuple[Any, ...]:
    if len(values) > MOST_AXES:
        raise UnreadPickleError("a tensor in it has more axes than there can be")
    return tuple(values)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 60:
        raise UnreadPickleError("a tensor in it has no size that there can be")
    return value


def _again(arguments: Any) -> Any:
    """Of ``_rebuild_from_type_v2``: a function, a type, the arguments, a state."""
    function, _, inner, *_ = arguments
    if not isinstance(function, Symbol) or function.module != "torch._utils":
        raise UnreadPickleError("a tensor in it is made by something else than torch")
    return called_by(function, inner)


def _ordered(arguments: Any) -> Any:
    """A dict, empty or of pairs, as Python 2 pickled it."""
    pairs = arguments[0] if arguments else ()
    found = (pair for pair in pairs if isinstance(pair, (list, tuple)) and len(pair) == 2)
    return {key: value for key, value in found if type(key) in (str, int)}


#: What may be called, and what it gives.
_CALLS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"), _tensor),
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": lambda arguments: arguments[0],
    "torch._utils._rebuild_parameter_with_state": lambda arguments: arguments[0],
    "torch._tensor._rebuild_from_type_v2": _again,
    "torch.Size": lambda arguments: _axes(*arguments),
    "torch.device": lambda _: NOTHING,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": lambda _: {},
    **dict.fromkeys(("builtins.set", "__builtin__.set", "_codecs.encode"), lambda _: NOTHING),
}
