"""What PyTorch says when memory is not to be had: the same line under every runtime that computes with it.

Source: c10/cuda/CUDACachingAllocator.cpp (`DeviceCachingAllocator::malloc`), whose words changed with 2.1 and since
("capacty", "allowed", private pools); XPU's and NPU's are the older ones, HIP's CUDA's; MPS has its own
(aten/src/ATen/mps/MPSAllocator.mm, `MPSHeapAllocatorImpl::alloc_buffer`).
"""

from __future__ import annotations

import re

from llmscale.runtimes.logged import SIZE, Trouble, size

#: Where such a line begins, and how much of the text it may fill.
_BEGINS, _LONGEST = re.compile(r"\b(?:CUDA|HIP|XPU|NPU|MUSA|MPS backend) out of memory\b"), 1200
_WANTED = rf"[Tt]ried to allocate {SIZE}"
_DEVICE = r"\b[GNX]PU (\d+)(?: has a total capac|;)"
_WHOLE = (rf"total capac(?:i)?ty of {SIZE}", rf"; {SIZE} total capacity", rf"max allowed: {SIZE}")
_FREE = (rf"of which {SIZE} is free", rf"; {SIZE} free\b")
_HELD = (rf"Of the allocated memory {SIZE} is allocated", rf"{SIZE} already allocated", rf"MPS allocated: {SIZE}")
_SPARE = rf"and {SIZE} is reserved by PyTorch but unallocated"
#: All that the allocator has taken of the device, in the older words.
_TAKEN = (rf"{SIZE} reserved in total by PyTorch", rf"{SIZE} cached\)")
#: All that the process has taken of it, its context and libraries too.
_PROCESS = rf"this process has {SIZE} memory in use"


def lacking(text: str) -> tuple[Trouble, int] | None:
    """The last such line, and where it stands; None where there is none. What it was for it does not say."""
    found = None
    for begins in (one.start() for one in _BEGINS.finditer(text)):
        line = re.sub(r"\s+", " ", text[begins : begins + _LONGEST])
        following = _BEGINS.search(line, 1)
        line = line[: following.start()] if following else line
        if (wanted := _size(line, _WANTED)) is not None:
            found = _trouble(line, wanted), begins
    return found


def _trouble(line: str, wanted: int) -> Trouble:
    whole, held, spare = _first(line, _WHOLE), _first(line, _HELD), _size(line, _SPARE)
    free, taken, process = _first(line, _FREE), _first(line, _TAKEN), _size(line, _PROCESS)
    if spare is None and taken is not None and held is not None:
        # What older releases call cached came on top of what is allocated.
        spare = taken if "cached)" in line else max(0, taken - held)
    others = None
    if whole is not None and free is not None and process is not None:
        others = max(0, whole - free - process)
    device = re.search(_DEVICE, line)
    number = int(device[1]) if device else None
    return Trouble("", number, wanted, free, None, whole, held, spare, others)


def _size(line: str, pattern: str) -> int | None:
    found = re.search(pattern, line)
    return size(found[1], found[2]) if found else None


def _first(line: str, patterns: tuple[str, ...]) -> int | None:
    return next((found for pattern in patterns if (found := _size(line, pattern)) is not None), None)
