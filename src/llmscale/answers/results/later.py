"""Fields of a result that are worked out when they are first read: what a screen does not show costs nothing."""

from __future__ import annotations

from collections.abc import Callable
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
        try:
            found = instance.__dict__[self._name]
        except KeyError:
            raise AttributeError(self._name) from None
        if isinstance(found, _Deferred):
            found = instance.__dict__[self._name] = found.work_out()
        return found

    def __set__(self, instance: object, value: Any) -> None:
        instance.__dict__[self._name] = value


def later(*names: str) -> Callable[[C], C]:
    """A decorator of a dataclass: its fields of these names take what `deferred` gives, and it may be `begun`."""

    def changed(of: C) -> C:
        for name in names:
            setattr(of, name, _Later(name))
        of.__getattr__ = _finished  # type: ignore[attr-defined]
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


def _finished(self: object, name: str) -> Any:
    """An attribute that is not there yet."""
    finish = vars(self).pop("_finish", None)
    if finish is None:
        raise AttributeError(name)
    vars(self).update(vars(finish()))
    return getattr(self, name)
