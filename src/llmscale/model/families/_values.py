"""A JSON object whose every value is checked when it is read: its kind, its bounds, and that it is there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmscale.errors import InputFileError
from llmscale.model.families._bounds import MAX_LAYERS, MAX_WIDTH

_REQUIRED = object()


class Values:
    """The values of a JSON object, which remembers what was asked for.

    Args:
        data: the parsed object.
        where: the file or catalogue entry, for messages.
        path: keys that led to a nested object.
    """

    def __init__(self, data: Mapping[str, Any], where: str, path: str = "") -> None:
        self.data = data
        self.where = where
        self.path = path
        self._read: set[str] = set()

    def get(self, *keys: str) -> Any:
        """The value of the first of `keys` that is there and not null; None when none is."""
        self._read.update(keys)
        for key in keys:
            if self.data.get(key) is not None:
                return self.data[key]
        return None

    def number(self, *keys: str, default: Any = _REQUIRED, low: int = 1, high: int = MAX_WIDTH) -> int:
        """A whole number; `keys` are spellings of the same thing, the first that is there counts.

        Raises:
            InputFileError: missing without a default, not a whole number, outside [low, high].
        """
        value = self.get(*keys)
        if value is None:
            assumed = self.assumed(keys, default is _REQUIRED)
            if type(assumed) is int and low <= assumed <= high:
                return assumed
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(keys[0])}'", "Every dimension that the model needs must be there.")
            return default  # type: ignore[no-any-return]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"has {self._at(keys[0])} = {short(value)}, which is not a whole number")
        if not low <= value <= high:
            raise self.error(f"has {self._at(keys[0])} = {short(value)}; it must lie between {low} and {high:,}")
        return value

    def flag(self, *keys: str, default: bool = False) -> bool:
        """A switch.

        Raises:
            InputFileError: neither true nor false.
        """
        value = self.get(*keys)
        if value is None:
            assumed = self.assumed(keys)
            return assumed if isinstance(assumed, bool) else default
        if not isinstance(value, bool):
            raise self.error(f"has {self._at(keys[0])} = {short(value)}, which is neither true nor false")
        return value

    def text(self, key: str, default: str = "") -> str:
        """A word.

        Raises:
            InputFileError: not text.
        """
        value = self.get(key)
        if value is None:
            assumed = self.assumed((key,))
            return assumed if isinstance(assumed, str) else default
        if not isinstance(value, str):
            raise self.error(f"has {self._at(key)} = {short(value)}, which is not text")
        return value

    def numbers(self, key: str, default: Any = _REQUIRED, low: int = 1, high: int = MAX_WIDTH) -> list[int]:
        """A list of whole numbers in [low, high].

        Raises:
            InputFileError: missing without a default, not such a list.
        """
        value = self.get(key)
        if value is None:
            value = self.assumed((key,), default is _REQUIRED)
        if not isinstance(value, list) and self.get(key) is None:
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(key)}'")
            return default  # type: ignore[no-any-return]
        whole = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        if not whole or len(value) > MAX_LAYERS or not all(low <= v <= high for v in value):
            raise self.error(
                f"has {self._at(key)} = {short(value)}, not a list of whole numbers from {low} to {high:,}"
            )
        return list(value)

    def decimal(self, key: str, default: Any = _REQUIRED, low: float = 0, high: float = MAX_WIDTH) -> float:
        """A number that need not be whole, in [low, high].

        Raises:
            InputFileError: missing without a default, not a number, outside [low, high].
        """
        value = self.get(key)
        if value is None:
            assumed = self.assumed((key,), default is _REQUIRED)
            if _is_decimal(assumed) and low <= assumed <= high:
                return float(assumed)
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(key)}'")
            return default  # type: ignore[no-any-return]
        if not _is_decimal(value) or not low <= value <= high:
            raise self.error(f"has {self._at(key)} = {short(value)}, not a number from {low:g} to {high:g}")
        return float(value)

    def decimals(self, key: str, count: int, low: float = 0, high: float = MAX_WIDTH) -> list[float]:
        """A list of `count` numbers in [low, high], one a layer.

        Raises:
            InputFileError: missing, not such a list.
        """
        values = self.get(key)
        if not isinstance(values, list) or not all(_is_decimal(v) and low <= v <= high for v in values):
            raise self.error(f"has {self._at(key)} = {short(values)}, not a list of numbers from {low:g} to {high:g}")
        if len(values) != count:
            raise self.error(f"has {len(values)} entries in {self._at(key)} for {count} layers")
        return [float(v) for v in values]

    def words(self, key: str, count: int) -> list[str] | None:
        """A list of `count` words, one a layer (``layer_types``); None when it is not there.

        Raises:
            InputFileError: not a list of that many words.
        """
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.error(f"has {self._at(key)} = {short(value)}, which is not a list of words")
        if len(value) != count:
            raise self.error(f"has {len(value)} entries in {self._at(key)} for {count} layers")
        return list(value)

    def assumed(self, keys: Sequence[str], required: bool = False) -> Any:
        """What stands for a value that is left out, whatever its reader takes for it; None where nothing does.

        Args:
            required: whether its reader takes nothing for it.
        """
        return None

    def error(self, what: str, hint: str = "") -> InputFileError:
        """An error about this file, to be raised."""
        return InputFileError(f"{self.where} {what}.", hint or "Check it against the model's published config.json.")

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _is_decimal(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def short(value: Any) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
