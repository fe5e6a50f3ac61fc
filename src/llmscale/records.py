"""Dataclasses and named tuples that cost a process less to make; to the type checker they are those of the library.

`dataclasses.dataclass` writes and compiles the source of up to seven methods of a class, and `typing.NamedTuple`
compiles each annotation, together a seventh of what an answer takes. Here the constructor alone is written; comparison,
hash and text are functions that all classes share. That nobody sets a field of what is ``frozen`` is for the type
checker to say.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from typing import NamedTuple as NamedTuple
else:

    def dataclass(of=None, /, *, frozen=False, eq=True, repr=True):
        """As the library's."""
        if of is None:
            return lambda given: dataclass(given, frozen=frozen, eq=eq, repr=repr)
        written = set(vars(of))
        made = dataclasses.dataclass(repr=False, eq=False)(of)
        methods = {"__repr__": _told} if repr else {}
        methods |= {"__eq__": _equal, "__hash__": _hashed if frozen else None} if eq else {}
        for name in methods.keys() - written:
            setattr(made, name, methods[name])
        return made

    class _Named(type):
        """Makes a tuple of a class that lists its fields."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                if key not in fields and key != "__module__":
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Named):
        """As the library's."""


#: By class, what reads the fields that count, and one more so that there are always two.
_COMPARED: dict[type, attrgetter[Any]] = {}


def _compared(one: Any) -> Any:
    of = type(one)
    if of not in _COMPARED:
        names = (field.name for field in dataclasses.fields(one) if field.compare)
        _COMPARED[of] = attrgetter("__class__", *names)
    return _COMPARED[of](one)


def _equal(self: Any, other: object) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    return _compared(self) == _compared(other)


def _hashed(self: Any) -> int:
    return hash(_compared(self))


def _told(self: Any) -> str:
    values = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({values})"
