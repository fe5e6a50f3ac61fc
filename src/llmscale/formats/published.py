"""Mixes of formats that publishers make themselves, besides llama-quantize's presets.

``Q4_K_L`` and its like keep token embedding and output in Q8_0 and take the preset for the rest (model cards of
huggingface.co/bartowski). ``UD-…`` are Unsloth's dynamic quants, chosen tensor by tensor for each model, which nothing
but the file tells (docs.unsloth.ai, Dynamic GGUFs).
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.errors import NotFoundError
from llmscale.formats.catalogue import quant
from llmscale.formats.mixed import mapped, parse_map
from llmscale.formats.recipe import Quant
from llmscale.formats.spoken import is_own_mix
from llmscale.names import normal, shortened

#: The preset that each is made from.
WIDE_ENDS = {"q2_k_l": "q2_k", "q3_k_xl": "q3_k_l", "q4_k_l": "q4_k_m", "q5_k_l": "q5_k_m", "q6_k_l": "q6_k"}
_ENDS = "embed=q8_0,head=q8_0"


def published(name: str) -> Quant | None:
    """The mix of that name; None when it is none.

    Raises:
        NotFoundError: one that only its file tells.
    """
    if is_own_mix(name.strip().lower()):
        raise NotFoundError(
            f"'{shortened(name)}' is a mix of formats chosen for each model apart; only its file tells its size.",
            f"The nearest preset: -q {_nearest(name)}.",
        )
    found = next((mix for mix in WIDE_ENDS if normal(mix) == normal(name)), None)
    if found is None:
        return None
    base = mapped(quant(WIDE_ENDS[found]), parse_map(_ENDS))
    return replace(base, id=found, name=found.upper())


def _nearest(name: str) -> str:
    """The preset of the same bits."""
    bits = next((letter for letter in name if letter.isdigit()), "4")
    return {"1": "iq1_m", "2": "q2_k", "3": "q3_k_m", "5": "q5_k_m", "6": "q6_k", "8": "q8_0"}.get(bits, "q4_k_m")
