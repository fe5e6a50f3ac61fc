"""What a runtime's start-up log tells: which model, how it was asked for, and what its lines say of memory.

Each runtime reads its own lines (`log.py` in its room); `llmscale.runtimes.logs` asks them in turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from llmscale.records import NamedTuple
from llmscale.units import GIB, MIB

#: What logs print after a size. vLLM and SGLang write GB where they divide by 2^30 (vllm/utils/mem_constants.py
#: ``GiB_bytes``; sglang/srt/utils/common.py ``get_available_gpu_memory``), so both words are the same.
_UNITS = {
    "B": 1,
    "bytes": 1,
    "KiB": 1 << 10,
    "KB": 1 << 10,
    "MiB": MIB,
    "MB": MIB,
    "GiB": GIB,
    "GB": GIB,
    "TiB": 1 << 40,
}
#: A size as logs print it.
SIZE = r"(-?\d+(?:\.\d+)?) ?([KMGT]i?B|bytes|B)\b"


class Term(NamedTuple):
    """One figure of a log.

    Attributes:
        kind: what the bytes are for, a kind of `llmscale.runtimes.interface`.
        device: number of the device; None for host memory.
        bytes: as printed.
        step: bytes that the last printed digit stands for.
    """

    kind: str
    device: int | None
    bytes: int
    step: int


class Trouble(NamedTuple):
    """Memory that was not to be had.

    Attributes:
        kind: what it was for; empty where the log does not tell: what was held beside the weights then does.
        device: on which; None where the log does not say.
        wanted, had: bytes asked for, and there for it; None where the log does not say.
        longest: tokens of context that what was there holds, in the runtime's own words; None where it says nothing.
        whole: bytes of the device.
        held: bytes that the process had in tensors.
        spare: bytes that it had taken of the device besides, in pieces too small for what was wanted.
        others: bytes that other processes had.
    """

    kind: str
    device: int | None = None
    wanted: int | None = None
    had: int | None = None
    longest: int | None = None
    whole: int | None = None
    held: int | None = None
    spare: int | None = None
    others: int | None = None


class LoggedDevice(NamedTuple):
    """A device of a log.

    Attributes:
        name: as the log prints it; empty where only its memory is told.
        memory: bytes of it, or that were free of it; None where neither is told.
        is_total: whether `memory` is all that a program sees of it, as opposed to what was free.
    """

    name: str
    memory: int | None = None
    is_total: bool = False


#: How the hub's cache calls the folder of a repository.
_CACHED = r"models--([\w.\-]+?)--([\w.\-]+)"


def named(said: str) -> tuple[str, ...]:
    """What a model may be called that a log says so: a path is another machine's, and ends with the name."""
    if not said.startswith(("/", "~", ".")):
        return (said,)
    cached = last(_CACHED, said)
    name = f"{cached[1]}/{cached[2]}" if cached else said.rstrip("/").rpartition("/")[2]
    return (name, said) if name else (said,)


class Logged(NamedTuple):
    """What a log tells.

    Attributes:
        runtime: what ``--runtime`` calls it.
        release: as the log prints it; empty where it does not.
        models: what the log calls the model, the surest name first.
        quant: the weights' format, as quants are named; empty where the log does not tell.
        file_bytes: size of the file, where it is told.
        context: tokens of one sequence.
        batch: sequences at once.
        kv: format of the KV cache, as ``--kv-dtype`` takes it; empty for the usual one.
        options: the runtime's own, by name.
        cards: the devices, in their order.
        terms: what the lines say of memory.
        tokens: what a cache that is made ahead holds.
        trouble: memory that was not to be had.
        known: whether the lines are the runtime's own; else they may be of any that computes with the same library.
    """

    runtime: str
    release: str = ""
    models: tuple[str, ...] = ()
    quant: str = ""
    file_bytes: int | None = None
    context: int | None = None
    batch: int = 1
    kv: str = ""
    options: Mapping[str, Any] = {}
    cards: tuple[LoggedDevice, ...] = ()
    terms: tuple[Term, ...] = ()
    tokens: int | None = None
    trouble: Trouble | None = None
    known: bool = True


def size(digits: str, unit: str) -> int:
    """The bytes of a size as printed."""
    return round(float(digits) * _UNITS[unit])


def term(kind: str, device: int | None, digits: str, unit: str) -> Term:
    """A term of a size as printed."""
    decimals = len(digits.partition(".")[2])
    return Term(kind, device, size(digits, unit), max(1, round(_UNITS[unit] / 10**decimals)))


def last(pattern: str, text: str) -> re.Match[str] | None:
    """The last place where a pattern stands."""
    found = None
    for one in re.finditer(pattern, text):
        found = one
    return found


def figures(kinds: Iterable[tuple[str, Iterable[str]]], text: str) -> tuple[Term, ...]:
    """Of each kind the first of its patterns that stands in the text, where it is more than nothing."""
    found = []
    for kind, patterns in kinds:
        line = next((m for pattern in patterns if (m := last(pattern, text))), None)
        if line and float(line[1]) > 0:
            found.append(term(kind, 0, line[1], line[2]))
    return tuple(found)


def whole(said: str) -> int | None:
    """A whole number as an option has it; None for anything else."""
    return int(said) if said.isdecimal() else None


def number(pattern: str, text: str) -> int | None:
    """The last whole number that a pattern's group finds; thousands may be grouped."""
    found = last(pattern, text)
    return int(found[1].replace(",", "")) if found and found[1].strip(",") else None
