"""Quants by the bits that are asked for: ``4.5bpw``, ``exl2-4.65bpw-h8``, ``exl3-3.5bpw``."""

from __future__ import annotations

import re
from dataclasses import replace

from llmscale.errors import UsageError
from llmscale.formats.catalogue import quant
from llmscale.formats.layout import AT
from llmscale.formats.recipe import LINEAR, REST, Quant
from llmscale.units import whole

#: What EXL2 makes of a head of so many bits: parts in more bits, and 4-bit scales (exllamav2/conversion/qparams.py).
EXL2_HEADS = {2: 2.725, 3: 3.275, 4: 4.425, 5: 5.18125, 6: 6.33125, 8: 8.03125}
_ASKED = re.compile(r"(?:(exl[23])[-_ ]?)?(\d+(?:\.\d+)?)[-_ ]?bpw(?:[-_ ]?h(\d+))?", re.IGNORECASE)


def asked(text: str) -> Quant | None:
    """``4.5bpw``, ``exl2-4.65bpw-h8`` or ``exl3-3.5bpw``; None when it is none of them.

    Raises:
        UsageError: bits that the tool does not offer.
    """
    found = _ASKED.fullmatch(text.strip())
    if found is None:
        return None
    tool, bits, head = (found[1] or "").lower(), float(found[2]), found[3]
    if not tool:
        if head:
            raise UsageError("Bits of the head go with exl2 or exl3.", "For example exl2-4.5bpw-h8.")
        return _average(_in_range(bits, 1, 16))
    if tool == "exl3":
        return _exl3(_in_range(bits, 1, 8), whole(head or "6"))
    return _exl2(_in_range(bits, 2, 8), whole(head or "6"))


def _in_range(bits: float, least: int, most: int) -> float:
    if not least <= bits <= most:
        raise UsageError(f"{bits:g} bits a weight lie outside {least} to {most}.", "For example 4.5bpw.")
    return bits


def _average(bits: float) -> Quant:
    return Quant(
        id=f"{bits:g}bpw",
        name=f"{bits:g} bpw",
        kind="rules",
        bits=bits,
        runtime="llama.cpp",
        activation_bytes=2,
        source="the bits that were asked for",
        rules={REST: f"average{AT}{bits:g}"},
        readers=["any"],
        estimated="The average that was asked for, over all weights; what a tool writes differs a little.",
    )


def _exl2(bits: float, head: int) -> Quant:
    if head not in EXL2_HEADS:
        raise UsageError(f"EXL2 has no head of {head} bits.", f"Known: {', '.join(map(str, EXL2_HEADS))}.")
    base = quant("exl2-4bpw")
    rules = {**base.rules, LINEAR: f"average{AT}{bits:g}", "head": f"average{AT}{EXL2_HEADS[head]:g}"}
    return replace(base, id=f"exl2-{bits:g}bpw-h{head}", name=f"EXL2 {bits:g} bpw, head {head}", bits=bits, rules=rules)


def _exl3(bits: float, head: int) -> Quant:
    if not 1 <= head <= 8:
        raise UsageError(f"EXL3 has no head of {head} bits.", "Known: 1 to 8.")
    base = quant("exl3-4bpw")
    rules = {**base.rules, LINEAR: f"exl3_4{AT}{bits:g}", "head": f"exl3_4{AT}{head}"}
    mixed = "The converter gives each tensor whole bits and stays at or just under the average asked for."
    estimated = "" if bits == int(bits) else mixed
    name = f"EXL3 {bits:g} bpw, head {head}"
    return replace(base, id=f"exl3-{bits:g}bpw-h{head}", name=name, bits=bits, rules=rules, estimated=estimated)
