"""Work for properties, and one model's that figures are worked out for by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import strategies as st

from llmscale.devices.device import Device
from llmscale.devices.device import entry as device_entry
from llmscale.speed.load import Load
from llmscale.speed.table import Setup, setup
from tests.helpers import TRUTH

TABLE: dict[str, Any] = yaml.safe_load((TRUTH.parent.parent / "data" / "speed.yaml").read_text(encoding="utf-8"))

#: A model of seven billion parameters in four bits.
SEVEN = Load(weight_bytes=4e9, cache_bytes=1e8, matrices=225, flops=14e9, layers=32, hidden=4096)

LOADS = st.builds(
    Load,
    weight_bytes=st.floats(1e7, 1e12),
    cache_bytes=st.floats(0, 1e11),
    matrices=st.integers(0, 2000),
    flops=st.floats(1e8, 1e12),
    expert_bytes=st.floats(0, 1e12),
    experts=st.sampled_from([0, 8, 128]),
    experts_used=st.integers(1, 8),
    layers=st.integers(0, 100),
    hidden=st.integers(0, 16384),
    state_bytes=st.floats(0, 1e9),
)


def device(name: str, **changes: object) -> Device:
    return replace(device_entry(name), **changes)  # type: ignore[arg-type]


def found(name: str, runtime: str = "llama.cpp", format_id: str = "q4_k_m", **changes: object) -> Setup:
    result = setup(TABLE, runtime, device(name, **changes), format_id)
    assert result is not None
    return result
