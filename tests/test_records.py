"""Records behave as the library's dataclasses and named tuples do, whose place they take."""

from __future__ import annotations

import dataclasses
import pickle
import typing
from dataclasses import field, fields, replace
from typing import Any

import pytest

from llmscale import records


def made(dataclass: Any) -> Any:
    @dataclass(frozen=True)
    class Point:
        """Where."""

        x: int
        y: list[int] = field(default_factory=list)
        kept: int = field(default=0, compare=False, repr=False)

        @property
        def far(self) -> int:
            return self.x + len(self.y)

    return Point


LIBRARY, OURS = made(dataclasses.dataclass), made(records.dataclass)


@pytest.mark.parametrize("of", [LIBRARY, OURS])
def test_fields_compare_and_are_told_as_they_say(of: Any) -> None:
    one, same, other = of(1, [2], 3), of(1, [2], 4), of(2, [2])
    assert one == same
    assert one != other
    assert one != (1, [2], 3)
    assert repr(one).endswith("Point(x=1, y=[2])")
    assert one.far == 2
    assert [each.name for each in fields(one)] == ["x", "y", "kept"]
    assert replace(one, x=5) == of(5, [2])


@pytest.mark.parametrize("of", [LIBRARY, OURS])
def test_what_is_frozen_has_a_hash_of_what_it_compares(of: Any) -> None:
    tuples = made(dataclasses.dataclass if of is LIBRARY else records.dataclass)
    assert hash(tuples(1, (2,), 3)) == hash(tuples(1, (2,), 4)) != hash(tuples(2, (2,), 3))


def test_what_may_change_has_none_and_what_does_not_compare_is_itself() -> None:
    @records.dataclass
    class Loose:
        x: int

    @records.dataclass(eq=False, repr=False)
    class Itself:
        x: int

    with pytest.raises(TypeError):
        hash(Loose(1))
    assert Loose(1) == Loose(1)
    assert repr(Loose(1)).endswith("Loose(x=1)")
    one = Itself(1)
    assert one != Itself(1)
    assert {one: 1}[one] == 1
    assert "x=" not in repr(one)


def test_a_class_that_tells_itself_is_left_to() -> None:
    @records.dataclass
    class Told:
        x: int

        def __repr__(self) -> str:
            return "told"

    @records.dataclass(frozen=True)
    class Counted:
        x: int

        def __hash__(self) -> int:
            return 7

    assert repr(Told(1)) == "told"
    assert hash(Counted(1)) == 7
    assert Counted(1) == Counted(1)


class Pair(records.NamedTuple):
    """Two."""

    left: int
    right: int | None = None

    @property
    def sum(self) -> int:
        return self.left + (self.right or 0)

    @classmethod
    def of(cls, text: str) -> Pair:
        return cls(int(text))


def test_a_named_tuple_is_one() -> None:
    one = Pair(1, 2)
    assert one == (1, 2)
    assert one.sum == 3
    assert one._replace(left=4).left == 4
    assert Pair.of("7") == (7, None)
    assert (Pair.__doc__, Pair.__module__, Pair.__qualname__) == ("Two.", __name__, "Pair")
    assert Pair._fields == ("left", "right")
    assert Pair._field_defaults == {"right": None}
    assert typing.get_type_hints(Pair)["left"] is int
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == "Pair(left=1, right=2)"


def test_an_unknown_or_missing_field_is_refused() -> None:
    with pytest.raises(TypeError, match="left"):
        Pair()  # type: ignore[call-arg]
    with pytest.raises((ValueError, TypeError), match="other"):  # a TypeError from Python 3.13 on
        Pair(1)._replace(other=2)  # type: ignore[call-arg]
