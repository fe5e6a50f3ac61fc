"""Fields of a result that views read and JSON does not have: what another field of it says in its own way already."""

from __future__ import annotations

from dataclasses import Field, field
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
_MARK = "inner"


class _Inner:
    """Leaves a field out of the JSON Schema of its class."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> NoReturn:
        from pydantic_core import PydanticOmit  # whoever asks for a schema has it

        raise PydanticOmit


#: In the annotation of such a field: ``Annotated[float, INNER]``.
INNER = _Inner()


def inner(default: T) -> T:
    """What such a field is set to in its class."""
    made: T = field(default=default, metadata={_MARK: True})
    return made


def is_inner(of: Field[Any]) -> bool:
    """Whether a field is one."""
    return _MARK in of.metadata
