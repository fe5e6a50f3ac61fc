"""A device as tools and people write it, taken apart: how many, what it is called, how much memory.

Forms: nvidia-smi (``GPU 0: NVIDIA GeForce RTX 4090 (UUID: …)``), torch and Windows (``Intel(R) Arc(TM) B580
Graphics``), lspci (``03:00.0 VGA compatible controller: … [Radeon RX 7900 XTX] (rev c8)``), macOS (``Chipset Model:
Apple M3 Max``), rocminfo (``gfx1100``), and what people type: ``L40S x2``, ``m3 max 64gb``, ``24 gb vram``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from llmscale.devices.keys import SIZE_WORD
from llmscale.records import NamedTuple

_MARKS = r"\((?:r|tm|c)\)|[®™©]"
_NVIDIA_SMI = r"^\s*gpu \d+\s*:\s*|\s*\(uuid:.*$"
#: Memory as ``nvidia-smi --query-gpu=name,memory.total --format=csv`` prints it; sizes that cards are sold with.
_MIB = r",\s*(\d{4,6})\s*mib\s*$"
SOLD_GB = (4, 6, 8, 10, 11, 12, 16, 20, 22, 24, 32, 40, 48, 64, 80, 94, 96, 141, 180, 192, 288)
_PCI = r"^(?:[\da-f]{4}:)?[\da-f]{2}:[\da-f]{2}\.\d\s.*?:\s"
_LABEL = r"^\s*(?:chipset model|marketing name|model name|device name|name|device|card series|brand)\s*:\s*"
_CORES = (
    r"\b\d+[- ]?(?:core|cores|inch|zoll|\")s?(?:[- ]processor|[- ]gpu|[- ]cpu)?\b|\b(?:19|20)\d\d\b(?=.*\bm\d)|\bw/.*$"
)
_MEMORY_WORDS = (
    r"\b(?:of\s+)?(?:unified|shared|video|system|total)?\s*(?:vram|memory|ram|hbm\de?|gddr\dx?)\b|显存|统一内存|内存"
)
#: Counts that a number without a sign may mean; a larger one is part of a name.
MOST_BARE = 64
_TIMES = r"[x×*]"


class Spoken(NamedTuple):
    """One way to understand a text.

    Attributes:
        number: how many; 1 where nothing is said.
        name: what is left; empty where only memory is named.
        size: the memory that is named, as ``24GB``; empty where none is.
        options: other names that may be meant: lspci names all cards of a chip.
    """

    number: int
    name: str
    size: str
    options: tuple[str, ...] = ()


def cleaned(text: str, phrases: Mapping[str, str]) -> str:
    """The text without what tools print around a name, in small letters."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    shown = re.search(_MIB, plain)
    if shown:  # said once more where the name says it
        name = plain[: shown.start()]
        plain = name if re.search(SIZE_WORD, name) else f"{name} {_sold(int(shown[1]))}gb"
    for pattern in (_MARKS, _NVIDIA_SMI, _LABEL):
        plain = re.sub(pattern, " ", plain)
    plain = _bracketed(re.sub(_PCI, "", plain))
    plain = re.sub(_CORES, " ", plain)
    for phrase in sorted(phrases, key=len, reverse=True):
        plain = plain.replace(phrase, f" {phrases[phrase]} ")
    return " ".join(plain.split())


def _sold(mib: int) -> int:
    """The size that a card with so much memory is sold with: drivers show less, never more."""
    return next((size for size in SOLD_GB if mib <= 1024 * size), -(-mib // 1024))


def _bracketed(text: str) -> str:
    """The last name in brackets that is no vendor and no number; the text where there is none."""
    found = [
        name
        for name in re.findall(r"\[([^\]]+)\]", text)
        if name != "amd/ati" and not re.fullmatch(r"[\da-f]{4}(?::[\da-f]{4})?", name)
    ]
    return found[-1] if found else re.sub(r"\(rev \w+\)", "", text)


def readings(text: str, phrases: Mapping[str, str], counts: Mapping[str, int]) -> Iterator[Spoken]:
    """The ways to understand a text, the likeliest first."""
    plain = cleaned(text, phrases)
    for count, rest in _counted(plain, counts):
        size, name = _sized(rest)
        for one in dict.fromkeys((name, re.sub(r"\([^)]*\)", " ", name).strip())):
            yield Spoken(count, one, size, _options(one))


def _counted(plain: str, counts: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """How many of what: as it stands, then with a count before or behind the name."""
    yield 1, plain
    for pattern, count, name in (
        (rf"(\d+)\s*{_TIMES}\s*(.+)", 1, 2),
        (rf"(.+?)\s*{_TIMES}\s*(\d+)", 2, 1),
        (r"(\d+)\s*[张块卡片个]\s*(.+)", 1, 2),
        (r"(.+?)\s*(\d+)\s*[张块卡片个]", 2, 1),
        (r"(\d+)\s+(.*[a-z].*)", 1, 2),
        (r"(.+?)\s*\(?(\d+)\s*(?:gpus?|cards?|pcs)\)?", 2, 1),
    ):
        if (found := re.fullmatch(pattern, plain)) and len(found[count]) <= 4 and int(found[count]) <= MOST_BARE:
            yield int(found[count]), found[name].strip()
    for word, number in counts.items():
        if found := re.fullmatch(rf"{word}(?:\s+|\s*[张块卡片个]\s*|(?<=[^a-z]))(?:of\s+)?(.+)", plain):
            yield number, re.sub(r"(?<=\d)s$", "", found[1].strip())


def _sized(text: str) -> tuple[str, str]:
    """The memory in a text, and the rest; of several sizes none."""
    found = re.findall(SIZE_WORD, text)
    if len(found) != 1:
        return "", text
    number, unit = found[0]
    rest = re.sub(_MEMORY_WORDS, " ", re.sub(SIZE_WORD, " ", text))
    return f"{number}{unit[0]}{'ib' if unit.endswith('ib') else 'b'}", " ".join(
        rest.replace(":", " ").strip(" -,").split()
    )


def _options(name: str) -> tuple[str, ...]:
    """The names of ``rx 7900 xt/7900 xtx``: each after the first with what stands before the first's number."""
    first, *others = (part.strip() for part in name.split("/"))
    if not others or not all(others):
        return ()
    lead = re.match(r"\D*", first)
    before = lead.group() if lead else ""
    return (first, *(other if re.match(r"\D{2,}\d", other) else before + other for other in others))


def is_host_memory(text: str) -> str:
    """The size of a part such as ``32GB ram``, which is no device; empty where it is one."""
    found = re.fullmatch(
        rf"\s*{SIZE_WORD}\s*(?:of\s+)?(?:system|host|cpu|ddr\d)?[ -]*(?:ram|memory|ddr\d(?:-\d+)?|内存)\s*",
        unicodedata.normalize("NFKC", text).lower(),
    )
    return f"{found[1]}{found[2][0]}{'ib' if found[2].endswith('ib') else 'b'}" if found else ""
