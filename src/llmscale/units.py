"""Numbers with units, in and out: ``7B``, ``1.1亿``, ``24GiB`` and what is printed for them.

Counts use decimal suffixes (K, M, B, T and the Chinese 万, 亿, 万亿); sizes use decimal
(KB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB) units, which are never mixed up: 24GB is
24,000,000,000 bytes and 24GiB is 25,769,803,776.
"""

from __future__ import annotations

import re
from decimal import Decimal

from llmscale.errors import UsageError

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

COUNT_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "b": 10**9,
    "t": 10**12,
    "万": 10**4,
    "亿": 10**8,
    "万亿": 10**12,
}
SIZE_UNITS = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": KIB,
    "mib": MIB,
    "gib": GIB,
    "tib": TIB,
}

#: Above any model or memory anybody has announced; catches slips such as ``1e400B``.
MAX_COUNT = 10**16
MAX_SIZE = 10**18

_NUMBER = r"(\d+(?:[.,]\d+)*(?:e[+-]?\d{1,3})?)"
_COUNT = _NUMBER + r"\s*(万亿|[kmbt万亿]?)"
_SIZE = _NUMBER + r"\s*([kmgt]i?b|b)"


def whole(digits: str) -> int:
    """The number that is written in digits alone; of more than 18 one that is too large for anything."""
    return int(digits) if len(digits) <= 18 else 10**18


def _decimal(text: str) -> Decimal:
    """The number in `text`; commas only where they group thousands (ValueError elsewhere)."""
    mantissa = text.lower().split("e")[0]
    if "," in mantissa and not re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", mantissa):
        raise ValueError(text)
    if mantissa.count(".") > 1:
        raise ValueError(text)
    return Decimal(text.replace(",", ""))


def parse_count(text: str, what: str = "count") -> int:
    """Read a number of parameters or tokens.

    Args:
        text: digits with an optional suffix, ``7B``, ``110M``, ``1.1亿``, ``6,738,415,616``.
        what: how the message calls it.

    Returns:
        The count, exact: ``1.1亿`` is 110,000,000.

    Raises:
        UsageError: not a positive number, not whole, or above 10^16.
    """
    match = re.fullmatch(_COUNT, text.strip(), re.IGNORECASE)
    try:
        if match is None:
            raise ValueError(text)
        value = _decimal(match[1]) * COUNT_UNITS[match[2].lower()]
    except ValueError:
        raise UsageError(
            f"'{text}' is not a {what}: a number with K, M, B, T, 万, 亿 or 万亿 is expected.",
            "For example 7B, 110M, 1.76T or 1.1亿.",
        ) from None
    return _whole(value, text, what, MAX_COUNT)


def parse_size(text: str, what: str = "memory size") -> int:
    """Read a size in bytes: ``24GB`` (decimal) or ``24GiB`` (binary).

    Raises:
        UsageError: no unit, not a positive number, or above 10^18 bytes.
    """
    match = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    try:
        if match is None:
            raise ValueError(text)
        value = _decimal(match[1]) * SIZE_UNITS[match[2].lower()]
    except ValueError:
        raise UsageError(
            f"'{text}' is not a {what}: a number with GB (10^9) or GiB (2^30) is expected.",
            "For example 24GB or 24GiB.",
        ) from None
    return _whole(value.to_integral_value(), text, what, MAX_SIZE)


def parse_ram(text: str) -> int:
    """Bytes of a machine's RAM, which is sold in powers of two: sticks of ``32GB`` (or ``32G``) hold 32 GiB.

    Raises:
        UsageError: as `parse_size`.
    """
    return parse_size(re.sub(r"(?i)(?<=\d)(\s*[kmgt])b?\s*$", r"\1iB", text), "size of RAM")


_TOKENS = r"([+-]?\d{1,3}(?:,\d{3})+|[+-]?\d+(?:e\d{1,2})?)\s*([km]?)"
_TOKEN_UNITS = {"": 1, "k": 1024, "m": 1024**2}


def parse_tokens(text: str, option: str = "--context") -> int:
    """A number of tokens: ``8192``, ``8,192`` or ``8k`` (1,024 each, as context lengths are named).

    Raises:
        UsageError: not a whole number.
    """
    match = re.fullmatch(_TOKENS, text.strip(), re.IGNORECASE)
    if match is None or len(text) > 30:
        raise UsageError(f"{option} '{text[:40]}' is not a number of tokens.", "For example 8192 or 8k.")
    digits, _, zeros = match[1].lower().replace(",", "").partition("e")
    power: int = 10 ** int(zeros or 0)
    return int(digits) * power * _TOKEN_UNITS[match[2].lower()]


def _whole(value: Decimal, text: str, what: str, limit: int) -> int:
    if value <= 0:
        raise UsageError(f"'{text}' is not a {what}: it must be more than zero.")
    if value > limit:
        raise UsageError(f"'{text}' is too large for a {what}: the limit is {limit:.0e}.")
    if value != value.to_integral_value():
        raise UsageError(f"'{text}' is not a whole {what}.")
    return int(value)


def format_count(count: int, lang: str = "en") -> str:
    """A count for people: three significant digits and more, ``6.74 B``; in Chinese ``67.38 亿``."""
    units: tuple[tuple[int, str], ...] = (
        ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"))
        if lang == "zh"
        else ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
    )
    for size, unit in units:
        # 999,950 K would print as 1000.0 K: the next unit takes over where rounding reaches it.
        if count >= size * 0.9995:
            return f"{_three_digits(count / size)} {unit}"
    return str(count)


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:,.1f}"
    return f"{value:.2f}"


def format_gib(size: int, digits: int = 2) -> str:
    """Bytes as GiB (2^30) without the unit, which stands in the column's header."""
    return f"{size / GIB:,.{digits}f}"


def format_size(size: int) -> str:
    """Bytes with a binary unit: ``12.55 GiB``, ``512.00 MiB``, ``0 B``."""
    for unit, name in ((TIB * 10, "TiB"), (GIB / 10, "GiB"), (MIB / 10, "MiB"), (KIB, "KiB")):
        if abs(size) >= unit:
            return f"{size / SIZE_UNITS[name.lower()]:,.2f} {name}"
    return f"{size} B"
