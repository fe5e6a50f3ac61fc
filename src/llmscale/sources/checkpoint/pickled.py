"""The opcodes of a pickle, walked without executing anything: no name in it is ever looked up.

Source: the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from llmscale.sources.checkpoint.rebuilt import Symbol, UnreadPickleError, called_by, storage_of, symbol_of

#: Opcodes of one pickle; a tensor has about 30.
MOST_OPCODES = 300_000


def walk(file: BinaryIO) -> Any:
    """The value that the pickle at the place of `file` describes: texts, numbers, tuples, lists, dicts and tensors.

    Raises:
        UnreadPickleError: it needs something else, or is damaged.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > MOST_OPCODES:
                raise UnreadPickleError(f"it has more than {MOST_OPCODES:,} opcodes")
            if opcode.name == "STOP":
                return machine.stack[-1]
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, TypeError, KeyError, StopIteration, OverflowError):
        raise UnreadPickleError("its pickle is damaged") from None
    raise UnreadPickleError("its pickle has no end")


class _Mark:
    """Where a tuple, list or dict begins on the stack."""


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.handed = 0

    def step(self, name: str, argument: Any) -> None:
        """One opcode."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _FRESH:
            self.stack.append(_FRESH[name]())
        elif name in _ACTS:
            _ACTS[name](self, argument)
        elif name not in _IGNORED:
            raise UnreadPickleError(f"its pickle has the opcode {name}, which files of weights do not have")

    def marked(self) -> list[Any]:
        """What lies above the last mark; taken off with it."""
        at = next(at for at in range(len(self.stack) - 1, -1, -1) if isinstance(self.stack[at], _Mark))
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def put(self, at: int | None) -> None:
        """Remember what lies on top."""
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def tuple_of(self, count: int) -> None:
        """Make one of what lies on top."""
        found = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(found)

    def dict(self) -> None:
        """A dict of what lies above the last mark."""
        items = self.marked()
        self.stack.append({})
        self.set_items(items)

    def set_items(self, items: list[Any]) -> None:
        """Fill the dict on top; what is no name of a tensor is left out."""
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(self.stack[-1], dict) and type(key) in (str, int):
                self.stack[-1][key] = value

    def extend(self, items: list[Any]) -> None:
        """Fill the list on top."""
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def symbol(self) -> None:
        """A name of two texts."""
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(symbol_of(f"{module} {name}"))

    def reduce(self) -> None:
        """What a call would give, where it is known."""
        arguments, called = self.stack.pop(), self.stack.pop()
        self.handed += sum(len(each) for each in arguments if isinstance(each, (list, tuple)))
        if self.handed > MOST_OPCODES:
            raise UnreadPickleError(f"its calls are handed more than {MOST_OPCODES:,} values")
        self.stack.append(called_by(called, arguments))

    def build(self) -> None:
        """Attributes that an object would get say nothing of tensors."""
        self.stack.pop()

    def object(self) -> None:
        """An object of a class of some program."""
        of = self.stack[-2].dotted if isinstance(self.stack[-2], Symbol) else "?"
        raise UnreadPickleError(f"it holds an object of {of}, not weights alone; nothing was executed")

    def persistent(self) -> None:
        """A storage."""
        self.stack.append(storage_of(self.stack.pop()))


_VALUES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_FRESH: dict[str, Callable[[], Any]] = {"MARK": _Mark, "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_IGNORED = frozenset(("PROTO", "FRAME"))
_ACTS: dict[str, Callable[[_Machine, Any], Any]] = {
    "GLOBAL": lambda on, told: on.stack.append(symbol_of(told)),
    "STACK_GLOBAL": lambda on, _: on.symbol(),
    "REDUCE": lambda on, _: on.reduce(),
    "NEWOBJ": lambda on, _: on.object(),
    "BUILD": lambda on, _: on.build(),
    "BINPERSID": lambda on, _: on.persistent(),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET", "GET"), lambda on, at: on.stack.append(on.memo[at])),
    "TUPLE": lambda on, _: on.stack.append(tuple(on.marked())),
    "TUPLE1": lambda on, _: on.tuple_of(1),
    "TUPLE2": lambda on, _: on.tuple_of(2),
    "TUPLE3": lambda on, _: on.tuple_of(3),
    "LIST": lambda on, _: on.stack.append(on.marked()),
    "DICT": lambda on, _: on.dict(),
    "APPEND": lambda on, _: on.extend([on.stack.pop()]),
    "APPENDS": lambda on, _: on.extend(on.marked()),
    "ADDITEMS": lambda on, _: on.extend(on.marked()),
    "SETITEM": lambda on, _: on.set_items([on.stack.pop(-2), on.stack.pop()]),
    "SETITEMS": lambda on, _: on.set_items(on.marked()),
    "POP": lambda on, _: on.stack.pop(),
    "POP_MARK": lambda on, _: on.marked(),
}
