"""Which stages a backbone gives out (transformers 5.24 `BackboneConfigMixin`): said by name, by number, or the last.

The stem is number 0. Sizes of what stands on a backbone go by these numbers, however the file says them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Keys that say how many stages there are: a number, or a list with an entry each.
COUNTED_BY = ("num_hidden_layers", "depths")


def given_out(values: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Of every backbone the path of ``out_indices`` and the numbers of the stages, as far as they can be said."""
    for path in values:
        above, _, name = path.rpartition("out_indices")
        if name or (above and above[-1] != "."):
            continue
        numbers = values[path]
        if numbers is None:
            numbers = _named(values.get(f"{above}out_features"))
        count = _count(values, above)
        if numbers is None and count is not None:
            numbers = [count]
        if isinstance(numbers, list) and all(type(number) is int for number in numbers):
            yield path, [number + count + 1 if number < 0 and count is not None else number for number in numbers]


def _named(names: Any) -> list[int] | None:
    """``stem`` is 0, ``stage3`` is 3."""
    if not isinstance(names, list):
        return None
    found = ["0" if name == "stem" else str(name).removeprefix("stage") for name in names]
    return [int(one) for one in found] if all(one.isdecimal() and len(one) < 4 for one in found) else None


def _count(values: Mapping[str, Any], above: str) -> int | None:
    for key in COUNTED_BY:
        value = values.get(above + key)
        if isinstance(value, list):
            return len(value)
        if type(value) is int:
            return value
    return None
