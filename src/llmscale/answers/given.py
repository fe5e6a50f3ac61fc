"""Values as people give them, from the command line, from Python or by a page: read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite, nan
from operator import index
from typing import Any

from llmscale.errors import UsageError
from llmscale.formats.select import named as named_quant
from llmscale.runtimes.interface import Options, option_table
from llmscale.runtimes.option import Option
from llmscale.runtimes.registry import infos
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.sources.registry import load
from llmscale.units import parse_ram, parse_size, parse_tokens

#: Far above any model; catches slips.
MAX_CONTEXT = 1 << 30
#: Bytes a second of any memory that there is, with some on both sides.
LEAST_BANDWIDTH, MOST_BANDWIDTH = 10**9, 10**13
#: How people say yes and no.
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def whole_number(flag: str, said: Any) -> int | None:
    """A number of something; None where nobody said.

    Raises:
        UsageError: what is no whole number.
    """
    if said is None:
        return None
    try:
        if isinstance(said, bool):
            raise TypeError
        return index(said)
    except TypeError:
        raise UsageError(f"{flag} '{str(said)[:40]}' is not a whole number.", "For example 4.") from None


def above_nothing(flag: str, said: Any) -> None:
    """Raises:
    UsageError: what is no number above zero, where one was said.
    """
    number = isinstance(said, (int, float)) and not isinstance(said, bool) and isfinite(said)
    if said is not None and not (number and said > 0):
        raise UsageError(f"{flag} '{str(said)[:40]}' is not a number above zero.", "For example 4.")


def read_options(given: Mapping[str, Any], runtime: str | None = None, catalogue: str | None = None) -> Options:
    """Options of runtimes, each as its kind wants it; of several that have one, as `runtime` declares it.

    Raises:
        UsageError: one that no runtime has, or a value that it cannot take.
    """
    if not given:
        return ()
    known = {option.name: option for info in infos() for option in info.options}
    if runtime is not None:
        known |= option_table(find_runtime(runtime).info.options)
    for name in given:
        if name not in known:
            raise UsageError(f"No runtime has an option '{name}'.", f"Known: {', '.join(sorted(known))}.")
    found = [(name, _value(known[name], value, catalogue)) for name, value in given.items()]
    return tuple((name, value) for name, value in found if value is not None)


#: Kinds of options of which an empty text says nothing.
_NAMING = ("text", "model", "quant")


def _value(option: Option, value: Any, catalogue: str | None) -> Any:
    if option.kind in _NAMING and not str(value).strip():
        return None
    if option.kind in ("whole", "share"):
        return _number(option, value)
    if option.kind == "model":
        return load(str(value), catalogue=catalogue).known()
    if option.kind == "quant":
        return named_quant(str(value))
    return _WORDS[option.kind](option, value)


def _number(option: Option, said: Any) -> Any:
    least, most = option.least, option.most
    try:
        value = float(said)
    except (TypeError, ValueError):
        value = nan
    if isinstance(said, bool) or not isfinite(value):
        raise UsageError(f"{_flag(option)} '{str(said)[:40]}' is not a number.", f"For example {_example(option)}.")
    if option.kind == "share":
        if not 0 < value <= 1:
            raise UsageError(f"{_flag(option)} {value:g} is not possible.", "A share above 0 and up to 1.")
        return value
    if value != int(value) or (least is not None and value < least) or (most is not None and value > most):
        ends = (
            f"between {least:,.0f} and {most:,.0f} is" if most is not None else f"a whole number from {least:,.0f} is"
        )
        raise UsageError(f"{_flag(option)} {str(said)[:40]} is not possible: {ends}.")
    return int(value)


def _example(option: Option) -> str:
    return "0.9" if option.kind == "share" else f"{max(option.least or 0, 4):.0f}"


def _text(option: Option, value: Any) -> str:
    text = str(value).strip()
    text = text if option.cased else text.lower()
    if option.choices and text not in option.choices:
        raise UsageError(f"{_flag(option)} '{text[:40]}' is not known.", f"One of: {', '.join(option.choices)}.")
    return text


def _yes(option: Option, value: Any) -> bool | None:
    """None where an empty text was said, as by a form that was not filled in."""
    said = str(value).strip().lower()
    if not said:
        return None
    if said not in TRUE | FALSE:
        raise UsageError(f"{_flag(option)} is true or false, not '{said[:40]}'.")
    return said in TRUE


def _size(option: Option, value: Any) -> int:
    """Bytes, or as people write them.

    Raises:
        UsageError: not above nothing, or more than there is.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        return parse_size(str(value), option.name)
    return parse_size(f"{value}B", option.name)


def _ram(option: Option, value: Any) -> int:
    """The RAM of a machine, of which sticks of 32 GB hold 32 GiB."""
    return _size(option, value) if isinstance(value, int) else parse_ram(str(value))


def _bandwidth(option: Option, value: Any) -> int:
    text = f"{value}B" if isinstance(value, int) else str(value)
    try:
        found = parse_size(text.strip().removesuffix("/s"))
    except UsageError:
        found = 0
    if not LEAST_BANDWIDTH <= found <= MOST_BANDWIDTH:
        raise UsageError(f"{_flag(option)} '{str(value)[:40]}' is not how fast RAM is.", "For example 80GB/s.")
    return found


def _tokens(option: Option, value: Any) -> int:
    plain = isinstance(value, int) and not isinstance(value, bool)
    count = value if plain else parse_tokens(str(value), _flag(option))
    if not 1 <= count <= MAX_CONTEXT:
        raise UsageError(f"{_flag(option)} {count} is not possible: between 1 and {MAX_CONTEXT:,} tokens are.")
    return count


_WORDS: dict[str, Callable[[Option, Any], Any]] = {
    "flag": _yes,
    "text": _text,
    "tokens": _tokens,
    "size": _size,
    "ram": _ram,
    "bandwidth": _bandwidth,
}


def _flag(option: Option) -> str:
    return option.flags[0].partition("/")[0]
