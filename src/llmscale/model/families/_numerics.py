"""What a config says of numbers that no tensor holds: how rotary positions are stretched, what states are kept in.

None of it changes a published tensor, but runtimes allocate by it, and GGUF files hold a table of factors for some
kinds of stretching.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscale.records import NamedTuple

#: Keys under which a config says how positions are rotated, the newer one first.
ROPE = ("rope_parameters", "rope_scaling")
#: Kinds of stretching that lengthen the table of rotary positions.
LENGTHENING = ("linear", "dynamic", "ntk")
#: The largest factor that is believed.
MAX_STRETCH = 1 << 20
STATE_DTYPES = ("mamba_ssm_dtype", "mamba_ssm_cache_dtype")


class Numerics(NamedTuple):
    """Fields of `ModelSpec` of the same names."""

    rope_scaling: str = ""
    rotary_share: float = 1.0
    rope_factor: float = 1.0
    state_dtype: str = ""


def numerics_of(data: Mapping[str, Any]) -> Numerics:
    """What the parsed `data` say, or the text part in them."""
    text = data.get("text_config")
    parts = [data, text] if isinstance(text, dict) else [data]
    return Numerics(*_rope(data), _rope_factor(parts), _state_dtype(parts))


def _rope(data: Mapping[str, Any]) -> tuple[str, float]:
    """How rotary positions are stretched (``llama3``, ``longrope``; empty when not), and the share that rotates."""
    parts = [data[key] for key in ROPE if isinstance(data.get(key), dict)]
    parts += [part["full_attention"] for part in parts if isinstance(part.get("full_attention"), dict)]
    kinds = [kind for part in parts for kind in (part.get("rope_type"), part.get("type")) if isinstance(kind, str)]
    shares = [part.get("partial_rotary_factor") for part in (data, *parts)]
    share = next((float(s) for s in shares if isinstance(s, (int, float)) and 0 < s <= 1), 1.0)
    return next((kind for kind in kinds if kind != "default"), ""), share


def _rope_factor(parts: list[Mapping[str, Any]]) -> float:
    """By what linear and dynamic stretching lengthen a table of rotary positions; 1 for other kinds."""
    for given in (part.get(key) for part in parts for key in ROPE):
        if isinstance(given, dict) and (given.get("rope_type") or given.get("type")) in LENGTHENING:
            factor = given.get("factor")
            if isinstance(factor, (int, float)) and 1 <= factor <= MAX_STRETCH:
                return float(factor)
    return 1.0


def _state_dtype(parts: list[Mapping[str, Any]]) -> str:
    """The format that runtimes keep recurrent states in, where one is named."""
    named = [part[key] for part in parts for key in STATE_DTYPES if isinstance(part.get(key), str)]
    return named[0] if named else ""
