"""Fields of a result that are worked out when they are first read: what a screen does not show costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from threading import RLock
from typing import Any, TypeVar, cast

T = TypeVar("T")
C = TypeVar("C", bound=type)


class _Deferred:
    def __init__(self, work_out: Callable[[], Any]) -> None:
        self.work_out = work_out


class _Later:
    """Reads as the field's value, also where a `_Deferred` one was handed in."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        known = {} if instance is None else vars(instance)
        if self._name not in known:
            raise AttributeError(self._name)
        found = known[self._name]
        if isinstance(found, _Deferred):
            found = known[self._name] = _worked_out(found.work_out)
        return found

    def __set__(self, instance: object, value: Any) -> None:
        vars(instance)[self._name] = value


def later(*names: str) -> Callable[[C], C]:
    """A decorator of a dataclass: its fields of these names take what `deferred` gives, and it may be `begun`."""

    def changed(of: C) -> C:
        for name in names:
            setattr(of, name, _Later(name))
        of.__getattr__, of.__getstate__ = _finished, _whole  # type: ignore[attr-defined]
        return of

    return changed


def deferred(work_out: Callable[[], T]) -> T:
    """What stands for a value until it is read; to be handed to such a field alone."""
    return cast("T", _Deferred(work_out))


def begun(of: type[T], finish: Callable[[], T], **known: Any) -> T:
    """A result of the class `of`, with the fields that are known; `finish` makes it whole when another one is read."""
    found = of.__new__(of)
    vars(found).update(known, _finish=finish)
    return found


#: What is begun is finished by one thread, and others wait for it.
_FINISHING = RLock()


def _finished(self: object, name: str) -> Any:
    """An attribute that is not there yet; what `finish` raises is raised again whenever it is asked for."""
    known = vars(self)
    if name.startswith("__"):  # what copies, pickles and notebooks look for is no field
        raise AttributeError(name)
    with _FINISHING:
        if name not in known:
            if "_finish" not in known:
                raise AttributeError(name)
            whole = _worked_out(known["_finish"])
            del known["_finish"]
            known.update(vars(whole))
    return getattr(self, name)


def _whole(self: Any) -> dict[str, Any]:
    """All fields, worked out: what a copy or a pickle holds."""
    return {field.name: getattr(self, field.name) for field in fields(self)}


def _worked_out(work_out: Callable[[], T]) -> T:
    """Its value; an AttributeError in it would read as if there were no such field."""
    try:
        return work_out()
    except AttributeError as error:
        raise RuntimeError(str(error)) from error
